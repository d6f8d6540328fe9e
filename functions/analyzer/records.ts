/** What the analyzer keeps to itself. @module */
import { defineKind } from "functions/define.ts";

/** What was stored once in the life of a store, under `rules`: so that what is deleted stays so. */
export const seededKind = defineKind<{ at: number }>({ name: "seeded", writer: "analyzer" });
