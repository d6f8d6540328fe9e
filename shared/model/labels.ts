/** Label sets and their identity. @module */
import { createHash } from "node:crypto";
import { z } from "zod";

export type Labels = Readonly<Record<string, string>>;

/** Most labels of one series, alert or rule; more are refused. */
export const maxLabels = 64;

export const LabelsSchema = z.record(z.string().min(1).max(256), z.string().max(10_000))
  .refine((labels) => Object.keys(labels).length <= maxLabels, `At most ${maxLabels} labels`);

/** One string for a label set, whatever the order of its names; empty values equal missing ones. */
export function canonicalLabels(labels: Labels): string {
  let text = "";
  for (const name of Object.keys(labels).sort()) {
    const value = labels[name]!;
    if (value !== "") text += `${text ? "," : ""}${name}=${JSON.stringify(value)}`;
  }
  return text;
}

/** 16 hex digits that identify a label set (the length that Alertmanager shows). */
export function fingerprint(labels: Labels): string {
  return createHash("sha256").update(canonicalLabels(labels)).digest("hex").slice(0, 16);
}
