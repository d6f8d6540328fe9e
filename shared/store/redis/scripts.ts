/**
 * What has to happen in one piece inside Redis, as Lua. A script gets full key names; only the keys
 * of lanes and due items are put together inside, as which they are is known there alone.
 *
 * @module
 */

/** Server time in milliseconds: the one clock that natively expiring keys obey too. */
const now = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
`;

/** Sets a lane's place among the lanes of its queue to its earliest item's, or takes it out. */
const settleLane = `
local function settle_lane(lanes, lane_key, lane)
  local first = redis.call('ZRANGE', lane_key, 0, 0, 'WITHSCORES')
  if first[2] then
    redis.call('ZADD', lanes, first[2], lane)
  else
    redis.call('ZREM', lanes, lane)
  end
end
`;

/**
 * Takes records out of the indexes whose time has passed; they themselves have expired or are about
 * to. Returns how many.
 */
const dropPast = `
local function drop_past(records, ends, revisions, record_prefix, kind, channel, most)
  local gone = redis.call('ZRANGEBYSCORE', ends, '-inf', now, 'LIMIT', 0, most)
  for _, key in ipairs(gone) do
    redis.call('DEL', record_prefix .. key)
    redis.call('ZREM', records, key)
    redis.call('ZREM', ends, key)
  end
  if #gone > 0 then
    redis.call('HINCRBY', revisions, kind, 1)
    redis.call('PUBLISH', channel, '')
  end
  return #gone
end
`;

/** Arguments of every script that calls `drop_past`: 3 keys, then 3 texts. */
const dropAllPast = `
while drop_past(KEYS[1], KEYS[2], KEYS[3], ARGV[1], ARGV[2], ARGV[3], 1000) == 1000 do end
`;

/**
 * All changes of a call, or none: versions are looked at before anything is written. Keys are named
 * in the arguments by their place. Returns nothing, or the change that did not fit and the version
 * that its record has.
 */
const apply = `
${now}
${settleLane}
local place = 0
local function arg()
  place = place + 1
  return ARGV[place]
end
local function key()
  return KEYS[tonumber(arg())]
end

for _ = 1, tonumber(arg()) do
  local change = arg()
  local version = redis.call('HGET', key(), 'version') or '0'
  if version ~= arg() then return {change, version} end
end

local retained_from = arg()
local most_points = tonumber(arg())
local revisions = key()
local changed = {}
local act = {}

function act.put()
  local kind, id, record, records, ends = arg(), arg(), key(), key(), key()
  local value, rank, ttl = arg(), arg(), arg()
  local old = redis.call('HMGET', record, 'version', 'rank')
  if rank == '' then rank = old[2] or '0' end
  redis.call('HSET', record, 'value', value, 'version', (old[1] or 0) + 1, 'rank', rank)
  redis.call('ZADD', records, rank, id)
  if ttl == '' then
    redis.call('PERSIST', record)
    redis.call('ZREM', ends, id)
  else
    redis.call('PEXPIREAT', record, now + ttl)
    redis.call('ZADD', ends, now + ttl, id)
  end
  changed[kind] = true
end

function act.delete()
  local kind, id, record, records, ends = arg(), arg(), key(), key(), key()
  redis.call('DEL', record)
  redis.call('ZREM', ends, id)
  if redis.call('ZREM', records, id) == 1 then changed[kind] = true end
end

function act.schedule()
  local id, item, lanes, prefix, lane_key, lane, at =
    arg(), key(), key(), arg(), key(), arg(), arg()
  local old = redis.call('HGET', item, 'lane')
  if old and old ~= lane then
    redis.call('ZREM', prefix .. old, id)
    settle_lane(lanes, prefix .. old, old)
  end
  redis.call('DEL', item)
  redis.call('HSET', item, 'at', at, 'lane', lane, 'attempt', 0)
  redis.call('ZADD', lane_key, at, id)
  settle_lane(lanes, lane_key, lane)
end

function act.unschedule()
  local id, item, lanes, prefix, token = arg(), key(), key(), arg(), arg()
  local held = redis.call('HMGET', item, 'lane', 'token')
  if not held[1] or (token ~= '' and token ~= held[2]) then return end
  redis.call('DEL', item)
  redis.call('ZREM', prefix .. held[1], id)
  settle_lane(lanes, prefix .. held[1], held[1])
end

function act.hold()
  local id, item, lanes, prefix, token, at = arg(), key(), key(), arg(), arg(), arg()
  local held = redis.call('HMGET', item, 'lane', 'token')
  if not held[1] or token ~= held[2] then return end
  redis.call('ZADD', prefix .. held[1], at, id)
  settle_lane(lanes, prefix .. held[1], held[1])
end

-- The name of a point is 'hash of the sample id:value'.
local function is_known(points, t, point)
  local name = string.match(point, '^[^:]*:')
  for _, other in ipairs(redis.call('ZRANGEBYSCORE', points, t, t)) do
    if string.sub(other, 1, #name) == name then return true end
  end
  return false
end

-- 'rising' is the first time where each point is later than the one before, else empty.
function act.append()
  local points, services, of_service, service, series, about, rising =
    key(), key(), key(), arg(), arg(), arg(), arg()
  local samples = cjson.decode(arg())
  if redis.call('HGET', of_service, series) ~= about then
    redis.call('HSET', of_service, series, about)
    redis.call('SADD', services, service)
  end
  local last = redis.call('ZRANGE', points, -1, -1, 'WITHSCORES')
  local newest = tonumber(last[2] or '-inf')
  if rising ~= '' and tonumber(rising) > newest then
    redis.call('ZADD', points, unpack(samples))
  else
    for i = 1, #samples, 2 do
      local t, point = samples[i], samples[i + 1]
      if not is_known(points, t, point) then redis.call('ZADD', points, t, point) end
    end
  end
  -- Once for each 128 points or so, which keeps it cheap.
  local size = redis.call('ZCARD', points)
  if size % 128 < #samples / 2 then
    redis.call('ZREMRANGEBYSCORE', points, '-inf', '(' .. retained_from)
    redis.call('ZREMRANGEBYRANK', points, 0, -1 - most_points)
  end
end

function act.mark()
  local ttl, count = arg(), tonumber(arg())
  for _ = 1, count do redis.call('SET', key(), 1, 'PX', ttl) end
end

for _ = 1, tonumber(arg()) do act[arg()]() end

for kind in pairs(changed) do redis.call('HINCRBY', revisions, kind, 1) end
for _ = 1, tonumber(arg()) do redis.call('PUBLISH', arg(), '') end
`;

/** The records of a kind in a span of ranks: key, value, version and rank of each. */
const list = `
${now}
${dropPast}
${dropAllPast}
local keys = redis.call(
  ARGV[4] == 'desc' and 'ZREVRANGEBYSCORE' or 'ZRANGEBYSCORE',
  KEYS[1], ARGV[5], ARGV[6], 'LIMIT', ARGV[7], ARGV[8]
)
local found = {}
for _, key in ipairs(keys) do
  local record = redis.call('HMGET', ARGV[1] .. key, 'value', 'version', 'rank')
  if record[1] then
    found[#found + 1] = key
    found[#found + 1] = record[1]
    found[#found + 1] = record[2]
    found[#found + 1] = record[3]
  end
end
return found
`;

/** How many records of a kind there are in a span of ranks. */
const count = `
${now}
${dropPast}
${dropAllPast}
return redis.call('ZCOUNT', KEYS[1], ARGV[4], ARGV[5])
`;

/** One step of the housekeeping of a kind. */
const drop = `
${now}
${dropPast}
return drop_past(KEYS[1], KEYS[2], KEYS[3], ARGV[1], ARGV[2], ARGV[3], ARGV[4])
`;

/** One step of the housekeeping of a service's series: keys of points, arguments their series. */
const trim = `
for i = 3, #KEYS do
  redis.call('ZREMRANGEBYSCORE', KEYS[i], '-inf', '(' .. ARGV[2])
  if redis.call('EXISTS', KEYS[i]) == 0 then redis.call('HDEL', KEYS[2], ARGV[i]) end
end
if redis.call('EXISTS', KEYS[2]) == 0 then redis.call('SREM', KEYS[1], ARGV[1]) end
`;

/**
 * Takes the earliest due items, each from the lane whose head is the earliest: id, due time, lane and
 * attempt of each.
 */
const take = `
${settleLane}
local lanes = KEYS[1]
local lane_prefix, item_prefix, now, limit, free_at, token =
  ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5], ARGV[6]
local skip = {}
for i = 7, #ARGV do skip[ARGV[i]] = true end
local width = #ARGV - 6 + 1

local taken = {}
while #taken < 4 * limit do
  local lane
  for _, due in ipairs(redis.call('ZRANGEBYSCORE', lanes, '-inf', now, 'LIMIT', 0, width)) do
    if not skip[due] then
      lane = due
      break
    end
  end
  if not lane then break end
  local id = redis.call('ZRANGE', lane_prefix .. lane, 0, 0)[1]
  local item = item_prefix .. id
  local found = redis.call('HMGET', item, 'at', 'attempt')
  if found[1] then
    taken[#taken + 1] = id
    taken[#taken + 1] = found[1]
    taken[#taken + 1] = lane
    taken[#taken + 1] = found[2]
    redis.call('HSET', item, 'attempt', found[2] + 1, 'token', token)
    redis.call('ZADD', lane_prefix .. lane, free_at, id)
  else
    redis.call('ZREM', lane_prefix .. lane, id)
  end
  settle_lane(lanes, lane_prefix .. lane, lane)
end
return taken
`;

/** Takes or extends a lease. */
const lease = `
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
`;

/** All scripts, by the name they are called by. */
export const scripts = { apply, list, count, drop, trim, take, lease } as const;
