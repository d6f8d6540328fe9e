/**
 * The kinds of record that more than one service reads. What one service keeps to itself is
 * declared in its own folder (`records.ts`).
 *
 * @module
 */
import { defineKind } from "shared/define/mod.ts";
import type { Alert } from "./alert.ts";
import type { Rule } from "./rule.ts";

/** Rules by id; ranked by when they were created. The analyzer adds the defaults once. */
export const ruleKind = defineKind<Rule>({ name: "rule", writer: "ui-backend" });

/** Episodes by alert id, with their acknowledgement; ranked by when they began. */
export const alertKind = defineKind<Alert>({ name: "alert", writer: "ui-backend" });
