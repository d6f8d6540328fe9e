/** Keeps what was given up where people can look at it. @module */
import { defineFunction, defineKind, topic } from "functions/define.ts";
import type { DeadLetter } from "shared/model/dead_letter.ts";
import { alertsDlq } from "shared/model/topics.ts";
import { put } from "shared/store/port.ts";

/** Dead letters by id; ranked by time. */
const deadLetterKind = defineKind<DeadLetter>({ name: "dead-letter", writer: "ui-backend" });

/** How long a dead letter can be looked at. */
const kept_ms = 30 * 86_400_000;

export default defineFunction({
  name: "ui-backend.record_dead_letters",
  on: topic(alertsDlq, { batch: 100 }),
  handler(letters, { save }) {
    for (const letter of letters) {
      const rank = Date.parse(letter.timestamp);
      save(put(deadLetterKind, letter.id, letter, { rank, ttl_ms: kept_ms }));
    }
  },
});
