/** Which partition a key belongs to, as Kafka's default partitioner decides it. @module */

const encoder = new TextEncoder();

/**
 * MurmurHash2 (Austin Appleby, public domain) of the key's UTF-8 bytes with Kafka's seed 0x9747b28c
 * and its sign bit cleared; modulo the number of partitions it is where Kafka's Java client and
 * kafkajs put the key.
 */
export function positiveMurmur2(key: string): number {
  const bytes = encoder.encode(key);
  const { length } = bytes;
  const m = 0x5bd1e995;
  let h = 0x9747b28c ^ length;
  let i = 0;
  for (; i + 4 <= length; i += 4) {
    let k = bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
    k = Math.imul(k, m);
    k ^= k >>> 24;
    h = Math.imul(h, m) ^ Math.imul(k, m);
  }
  const rest = length - i;
  if (rest > 2) h ^= bytes[i + 2]! << 16;
  if (rest > 1) h ^= bytes[i + 1]! << 8;
  if (rest > 0) h = Math.imul(h ^ bytes[i]!, m);
  h ^= h >>> 13;
  h = Math.imul(h, m);
  h ^= h >>> 15;
  return h & 0x7fffffff;
}
