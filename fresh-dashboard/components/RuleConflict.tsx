/** Two versions of a rule that was saved by somebody else meanwhile, and the ways out. @module */
import Age from "../islands/Age.tsx";
import type { Rule } from "../lib/api.ts";
import { type Draft, draftOf, type FieldName, fields, inputOf } from "../lib/rules.ts";
import * as text from "../text.ts";
import { Icon } from "./Icon.tsx";

const { conflict: words, field: names } = text.ruleForm;

export function RuleConflict({ mine, theirs, working, onTake, onTakeField, onOverwrite }: {
  mine: Draft;
  theirs: Rule;
  working: boolean;
  onTake: () => void;
  onTakeField: (name: FieldName) => void;
  onOverwrite: () => void;
}) {
  const other = draftOf(inputOf(theirs));
  const differing = fields.filter((name) => !equal(mine[name], other[name], name));
  return (
    <section role="alert" class="card border-warning p-4">
      <h2 class="flex items-center gap-2 font-semibold text-ink">
        <Icon name="warning" class="size-4 text-warning" />
        {words.title}
      </h2>
      <p class="mt-1 text-sm">
        {words.lead(theirs.version)}{" "}
        <span class="text-ink-3">
          {text.ruleForm.changed} <Age at={theirs.updated_at} ago />
        </span>
      </p>
      {differing.length === 0
        ? <p class="mt-3 text-sm">{words.same}</p>
        : (
          <table class="mt-3 w-full table-fixed text-sm">
            <thead class="text-left text-xs text-ink-3">
              <tr>
                <th scope="col" class="py-1 pr-2 font-medium">{words.field}</th>
                <th scope="col" class="py-1 pr-2 font-medium">{words.yours}</th>
                <th scope="col" class="py-1 font-medium">{words.theirs}</th>
              </tr>
            </thead>
            <tbody>
              {differing.map((name) => (
                <tr key={name} class="border-t border-line align-top">
                  <th scope="row" class="py-2 pr-2 text-left font-medium text-ink">
                    {names[name]}
                  </th>
                  <td class="py-2 pr-2">
                    <Value of={mine[name]} />
                  </td>
                  <td class="py-2">
                    <Value of={other[name]} />
                    <button
                      type="button"
                      class="mt-1 rounded-sm text-xs text-accent underline"
                      aria-label={words.takeThis(names[name])}
                      onClick={() => onTakeField(name)}
                    >
                      {words.takeField}
                    </button>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      <div class="mt-4 flex flex-wrap gap-2">
        <button type="button" class="button" onClick={onTake}>{words.take}</button>
        {differing.length > 0 && (
          <button type="button" class="button" aria-busy={working} onClick={onOverwrite}>
            {words.overwrite}
          </button>
        )}
      </div>
    </section>
  );
}

/** What is left out has a default that the other one may have been given. */
function equal(mine: string | boolean, theirs: string | boolean, name: FieldName): boolean {
  return mine === theirs || (mine === "" && name !== "description");
}

function Value({ of }: { of: string | boolean }) {
  const shown = typeof of === "boolean" ? (of ? text.rules.on : text.rules.off) : of;
  return (
    <span dir="auto" class="line-clamp-4 wrap-anywhere whitespace-pre-wrap text-ink tabular-nums">
      {shown.slice(0, 500) || words.empty}
    </span>
  );
}
