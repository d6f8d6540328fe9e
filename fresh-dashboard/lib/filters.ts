/** Filters of the API that take several values, separated by commas. Pure. @module */

/** A name as one value of such a filter. */
export function oneValue(name: string): string {
  return name.replaceAll(",", "\\,");
}

/** Whether a value passes such a filter, as the API decides it; an empty one lets all pass. */
export function isAnyOf(filter: string, value: string): boolean {
  const values = filter.split(/(?<!\\),/).map((one) => one.replaceAll("\\,", ",").trim())
    .filter(Boolean);
  return values.length === 0 || values.includes(value);
}

/** What a filter of one value says. */
export function valueOf(filter: string): string {
  return filter.replaceAll("\\,", ",");
}
