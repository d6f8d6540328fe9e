/** What the simulated authentication service is like: quick, and busy when people start work. @module */
import type { Profile } from "shared/simulation/profile.ts";

const auth: Profile = {
  name: "auth",
  day: {
    mean: 0.42,
    waves: [
      { per_day: 1, amplitude: 0.26, peak_hour: 12 },
      { per_day: 2, amplitude: 0.1, peak_hour: 8 },
    ],
    burst: 0.08,
  },
  request_rate: { quiet: 40, busy: 260 },
  latency: { p50: 22, p95: 70, p99: 160, utilisation: 0.5 },
  error_rate: { quiet: 0.2, busy: 1.2 },
  cpu: { quiet: 12, busy: 52 },
  memory: { quiet: 40, busy: 58 },
  measures: [
    { type: "logins_per_minute", unit: "1/min", quiet: 60, busy: 900 },
    { type: "failed_logins_per_minute", unit: "1/min", quiet: 4, busy: 60, trouble: 700 },
    { type: "token_refreshes_per_minute", unit: "1/min", quiet: 300, busy: 4_200 },
    { type: "active_sessions", unit: "1", quiet: 1_800, busy: 24_000 },
  ],
  lines: {
    debug: [
      { caller: "token.ts:31", message: "Access token of {user_id} verified with key {key_id}" },
      { caller: "session_cache.ts:18", message: "Session of {user_id} found in the cache" },
      { caller: "password.ts:44", message: "Password hash checked in {duration_ms} ms" },
    ],
    info: [
      { caller: "login.ts:57", message: "{user_id} signed in with {method} in {duration_ms} ms" },
      { caller: "token.ts:72", message: "Token refreshed for {user_id}" },
      { caller: "logout.ts:20", message: "{user_id} signed out" },
    ],
    warn: [
      { caller: "login.ts:81", message: "Wrong password for {user_id}, attempt {attempt} of 5" },
      { caller: "rate_limit.ts:35", message: "Logins from {ip} are slowed down" },
    ],
    error: [
      { caller: "directory.ts:63", message: "Directory did not answer for {user_id}" },
      { caller: "token.ts:95", message: "Cannot sign a token with key {key_id}" },
    ],
  },
  causes: {
    latency_spike: [
      { caller: "directory.ts:66", message: "Directory answered after {duration_ms} ms, too late" },
    ],
    error_burst: [
      { caller: "login.ts:92", message: "Credential stuffing from {ip} blocked for {user_id}" },
      { caller: "token.ts:98", message: "Signing key {key_id} is not known to the key server" },
    ],
    memory_leak: [
      { caller: "session_cache.ts:51", message: "No memory for the session of {user_id}" },
    ],
    outage: [{ caller: "pool.ts:29", message: "Connection refused by user database {database}" }],
    flapping: [
      { caller: "health.ts:14", message: "Instance {instance} left the pool and came back" },
    ],
  },
  words: {
    user_id: ["user-####", "user-#####"],
    method: ["password", "passkey", "oauth"],
    key_id: ["key-2026-a", "key-2026-b"],
    attempt: ["1", "2", "3", "4"],
    ip: ["203.0.113.1#", "198.51.100.2#"],
    database: ["users-1", "users-2"],
    instance: ["auth-1", "auth-2", "auth-3"],
  },
};

export default auth;
