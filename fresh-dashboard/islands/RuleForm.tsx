/** The form of a rule: says what is wrong as one types, saves, and settles conflicts. */
import { useComputed, useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { Icon } from "../components/Icon.tsx";
import { RuleConflict } from "../components/RuleConflict.tsx";
import { RulePreview } from "../components/RulePreview.tsx";
import { Switch } from "../components/Switch.tsx";
import type { Rule, RuleInput } from "../lib/api.ts";
import {
  type Draft,
  draftOf,
  type FieldName,
  fieldOf,
  fields,
  inputOf,
  type Issue,
  readDraft,
} from "../lib/rules.ts";
import { request, RequestError, sentence } from "../live/request.ts";
import * as text from "../text.ts";
import Age from "./Age.tsx";

const { ruleForm: words } = text;
/** A pause in typing: shorter, and every letter would be asked about. */
const pause_ms = 200;

const operators = [">", ">=", "<", "<=", "==", "!="];
const aggregations = ["last", "avg", "min", "max", "sum", "count", "rate"]
  .concat("p50", "p90", "p95", "p99");

export default function RuleForm(props: {
  rule?: Rule;
  draft: Partial<RuleInput>;
  services: string[];
  metrics: string[];
  mayChange: boolean;
}) {
  const { services, metrics, mayChange } = props;
  const rule = useSignal(props.rule);
  const draft = useSignal(draftOf(props.draft));
  const saved = useSignal(draftOf(props.draft));
  const touched = useSignal<ReadonlySet<FieldName>>(new Set());
  const issues = useSignal<readonly Issue[]>([]);
  const theirs = useSignal<Rule | null>(null);
  const gone = useSignal(false);
  const working = useSignal(false);
  const said = useSignal<{ text: string; bad: boolean } | null>(null);
  const form = useRef<HTMLFormElement>(null);
  const dirty = useComputed(() => fields.some((name) => draft.value[name] !== saved.value[name]));

  useEffect(() => {
    const guard = (event: BeforeUnloadEvent) => dirty.value && event.preventDefault();
    addEventListener("beforeunload", guard);
    return () => removeEventListener("beforeunload", guard);
  }, []);

  // Asks the server what it would say, once per pause, and only about the newest text.
  useEffect(() => {
    if (touched.value.size === 0) return;
    const { input, issues: unread } = readDraft(draft.value);
    issues.value = [...unread, ...issues.value.filter(({ path }) => !changedOf(path))];
    const asking = new AbortController();
    const timer = setTimeout(async () => {
      try {
        const found = await request<Issue[]>("POST", "/rules/check", input, asking.signal);
        last.current = draft.value;
        issues.value = [...unread, ...found];
      } catch (error) {
        // Whoever saves is told; until then nothing is lost.
        if (!(error instanceof RequestError) && !asking.signal.aborted) throw error;
      }
    }, pause_ms);
    return () => {
      clearTimeout(timer);
      asking.abort();
    };
  }, [draft.value, touched.value]);
  /** What the server was last asked about. */
  const last = useRef<Draft>(draft.value);
  const changedOf = (path: string) => {
    const name = fieldOf(path);
    return name !== undefined && draft.value[name] !== last.current[name];
  };

  function set<Name extends FieldName>(name: Name, value: Draft[Name]): void {
    draft.value = { ...draft.value, [name]: value };
    touched.value = new Set([...touched.value, name]);
    said.value = null;
  }

  function adopt(now: Rule): void {
    rule.value = now;
    draft.value = saved.value = draftOf(inputOf(now));
    touched.value = new Set();
    issues.value = [];
    theirs.value = null;
  }

  async function save(version = rule.value?.version): Promise<void> {
    if (working.value) return;
    const { input, issues: unread } = readDraft(draft.value);
    if (unread.length > 0) return complain(unread);
    working.value = true;
    said.value = null;
    try {
      if (rule.value) {
        const path = `/api/rules/${encodeURIComponent(rule.value.id)}`;
        adopt(await request<Rule>("PUT", path, { ...input, version }));
        said.value = { text: words.saved, bad: false };
      } else {
        const made = await request<Rule>("POST", "/api/rules", input);
        saved.value = draft.value;
        location.assign(`/rules/${encodeURIComponent(made.id)}`);
      }
    } catch (error) {
      await explain(error);
    }
    working.value = false;
  }

  async function explain(error: unknown): Promise<void> {
    const { status, code, details } = error instanceof RequestError
      ? error
      : { status: 0, code: "", details: [] };
    if (status === 409 && code === "version_conflict") {
      try {
        theirs.value = await request<Rule>(
          "GET",
          `/api/rules/${encodeURIComponent(rule.value!.id)}`,
        );
        return;
      } catch (second) {
        return await explain(second);
      }
    }
    if (status === 404 && rule.value) gone.value = true;
    else if (details.some(({ path }) => fieldOf(path))) complain(details);
    else said.value = { text: sentence(error), bad: true };
  }

  function complain(found: readonly Issue[]): void {
    touched.value = new Set(fields);
    issues.value = found;
    said.value = { text: words.invalid(found.length), bad: true };
    const first = fields.find((name) => found.some(({ path }) => fieldOf(path) === name));
    const element = first && form.current!.elements.namedItem(first);
    if (!(element instanceof HTMLElement)) return;
    element.closest("details")?.setAttribute("open", "");
    element.focus();
  }

  const type = draft.value.type || "threshold";
  const messages = (name: FieldName) =>
    touched.value.has(name)
      ? issues.value.filter(({ path }) => fieldOf(path) === name).map(({ message }) => message)
      : [];
  const bind = (name: FieldName) => ({ name, draft: draft.value, set, messages: messages(name) });
  const thresholdHint = type in words.hint ? words.hint[type as "zscore"] : undefined;

  return (
    <div class="mt-5 grid items-start gap-5 xl:grid-cols-[minmax(0,1fr)_minmax(24rem,34rem)]">
      <form
        ref={form}
        novalidate
        onSubmit={(event) => {
          event.preventDefault();
          void save();
        }}
        class="grid min-w-0 gap-4"
      >
        {!mayChange && (
          <p class="flex items-center gap-2 rounded-md bg-info-soft px-3 py-2 text-sm text-info">
            <Icon name="info" />
            {words.readOnly}
          </p>
        )}
        {theirs.value && rule.value && (
          <RuleConflict
            mine={draft.value}
            theirs={theirs.value}
            working={working.value}
            onTake={() => adopt(theirs.value!)}
            onTakeField={(name) => set(name, draftOf(inputOf(theirs.value!))[name])}
            onOverwrite={() => void save(theirs.value!.version)}
          />
        )}
        {gone.value && (
          <div role="alert" class="card border-warning p-4">
            <h2 class="font-semibold text-ink">{words.gone.title}</h2>
            <p class="mt-1 text-sm">{words.gone.lead}</p>
            <button
              type="button"
              class="button mt-3"
              onClick={() => {
                rule.value = undefined;
                gone.value = false;
                void save();
              }}
            >
              {words.gone.again}
            </button>
          </div>
        )}
        <fieldset disabled={!mayChange} class="contents">
          <Section title={words.what}>
            <Text {...bind("name")} required wide maxlength={200} />
            <Text {...bind("description")} wide rows={2} />
            <Choice
              {...bind("type")}
              options={text.rules.type}
              hint={text.rules.typeSays[type as "zscore"]}
            />
            <Text {...bind("service_name")} list={services} hint={words.hint.service_name} />
            {type !== "error_burst" && (
              <Text {...bind("metric_type")} list={metrics} hint={words.hint.metric_type} />
            )}
            {type === "threshold" && (
              <Choice {...bind("aggregation")} options={same(aggregations)} fallback="last" />
            )}
          </Section>
          <Section title={words.when}>
            {type !== "absence" && (
              <>
                <Choice
                  {...bind("operator")}
                  options={same(operators)}
                  fallback={type === "threshold" ? ">" : ">="}
                />
                <Text {...bind("threshold")} number hint={thresholdHint} />
              </>
            )}
            <Text {...bind("window_size")} number />
            <Text {...bind("for_seconds")} number hint={words.hint.for_seconds} />
          </Section>
          <Section title={words.then}>
            <Choice {...bind("severity")} options={text.severity} fallback="warning" />
            <div class="grid content-start gap-1 text-sm font-medium text-ink">
              {words.notify}
              <div class="flex flex-wrap gap-x-4 gap-y-2 pt-2">
                {(["notify_slack", "notify_email", "notify_webhook"] as const).map((name) => (
                  <label key={name} class="flex items-center gap-2 font-normal">
                    <Switch
                      name={name}
                      checked={draft.value[name]}
                      onChange={(event) =>
                        set(name, event.currentTarget.checked)}
                    />
                    {words.field[name]}
                  </label>
                ))}
              </div>
            </div>
            <label class="flex items-center gap-2 text-sm font-medium text-ink sm:col-span-2">
              <Switch
                name="enabled"
                checked={draft.value.enabled}
                onChange={(event) => set("enabled", event.currentTarget.checked)}
              />
              {words.field.enabled}
            </label>
          </Section>
          <details class="card group">
            <summary class="flex cursor-pointer items-center justify-between rounded-lg p-4 text-sm font-semibold text-ink">
              {words.more}
              <Icon name="chevron" class="size-4 text-ink-3 group-open:rotate-180" />
            </summary>
            <div class="grid gap-x-4 gap-y-4 px-4 pb-4 sm:grid-cols-2">
              <Text {...bind("recovery_threshold")} number hint={words.hint.recovery_threshold} />
              <Text {...bind("min_samples")} number />
              <Text
                {...bind("keep_firing_seconds")}
                number
                hint={words.hint.keep_firing_seconds}
              />
              <Text {...bind("cooldown_seconds")} number hint={words.hint.cooldown_seconds} />
              <Text {...bind("matchers")} rows={2} wide hint={words.hint.matchers} />
              <Text {...bind("labels")} rows={2} hint={words.hint.labels} />
              <Text {...bind("annotations")} rows={2} hint={words.hint.annotations} />
            </div>
          </details>
        </fieldset>
        {mayChange && (
          <div class="sticky bottom-16 z-10 flex flex-wrap items-center gap-3 rounded-lg border border-line bg-raised px-4 py-3 shadow-lifted lg:bottom-4">
            <button type="submit" class="button button-strong" aria-busy={working.value}>
              {working.value ? words.saving : rule.value ? words.save : words.create}
            </button>
            {dirty.value && rule.value && (
              <button
                type="button"
                class="button"
                onClick={() => adopt(rule.value!)}
              >
                {words.discard}
              </button>
            )}
            <p role="status" class="min-w-0 text-sm">
              {said.value
                ? (
                  <span
                    class={`flex items-center gap-1.5 ${
                      said.value.bad ? "text-critical" : "text-ok"
                    }`}
                  >
                    <Icon name={said.value.bad ? "critical" : "check"} />
                    {said.value.text}
                  </span>
                )
                : dirty.value && <span class="text-ink-3">{words.unsaved}</span>}
            </p>
          </div>
        )}
        {rule.value && (
          <p class="text-xs text-ink-3">
            <bdi class="wrap-anywhere">
              {words.facts(rule.value.version, rule.value.created_by.slice(0, 100))}
            </bdi>{" "}
            · {words.changed} <Age at={rule.value.updated_at} ago />
          </p>
        )}
      </form>
      <RulePreview
        draft={draft.value}
        services={services}
        mayChange={mayChange}
        onThreshold={(value) => set("threshold", value)}
      />
    </div>
  );
}

function same(values: readonly string[]): Record<string, string> {
  return Object.fromEntries(values.map((value) => [value, value]));
}

function Section({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <fieldset class="card min-w-0 p-4">
      <legend class="float-left mb-3 w-full text-sm font-semibold text-ink">{title}</legend>
      <div class="clear-both grid gap-x-4 gap-y-4 sm:grid-cols-2">{children}</div>
    </fieldset>
  );
}

type Bound = {
  name: FieldName;
  draft: Draft;
  set: (name: FieldName, value: string) => void;
  messages: readonly string[];
  hint?: string | undefined;
};

function Field(
  { name, messages, hint, wide, children }: Pick<Bound, "name" | "messages" | "hint"> & {
    wide?: boolean;
    children: ComponentChildren;
  },
) {
  return (
    <div class={`grid min-w-0 content-start gap-1 ${wide ? "sm:col-span-2" : ""}`}>
      <label for={`field-${name}`} class="text-sm font-medium text-ink">{words.field[name]}</label>
      {children}
      <div id={`about-${name}`} class="text-xs">
        {messages.length > 0
          ? messages.slice(0, 3).map((message) => (
            <p key={message} class="flex gap-1 text-critical">
              <Icon name="critical" class="mt-0.5 size-3" />
              <span class="min-w-0 wrap-anywhere">{message}</span>
            </p>
          ))
          : hint && <p class="text-ink-3">{hint}</p>}
      </div>
    </div>
  );
}

function Text(
  { name, draft, set, messages, hint, wide = false, number, rows, list, ...rest }: Bound & {
    wide?: boolean;
    number?: boolean;
    rows?: number;
    list?: readonly string[];
    required?: boolean;
    maxlength?: number;
  },
) {
  const attributes = {
    ...rest,
    id: `field-${name}`,
    name,
    value: String(draft[name]),
    dir: "auto" as const,
    autocomplete: "off",
    "aria-invalid": messages.length > 0,
    "aria-describedby": `about-${name}`,
    onInput: (event: Event) => set(name, (event.currentTarget as HTMLInputElement).value),
  };
  return (
    <Field name={name} messages={messages} hint={hint} wide={wide}>
      {rows ? <textarea {...attributes} rows={rows} class="input py-2" /> : (
        <input
          {...attributes}
          {...(number ? { inputMode: "decimal" as const } : {})}
          {...(list ? { list: `list-${name}` } : {})}
          class={`input ${number ? "tabular-nums" : ""}`}
        />
      )}
      {list && (
        <datalist id={`list-${name}`}>
          <option value="*" />
          {list.map((one) => <option key={one} value={one} />)}
        </datalist>
      )}
    </Field>
  );
}

function Choice({ name, draft, set, messages, hint, options, fallback }: Bound & {
  options: Readonly<Record<string, string>>;
  fallback?: string;
}) {
  const value = String(draft[name]) || fallback || "";
  return (
    <Field name={name} messages={messages} hint={hint}>
      <select
        id={`field-${name}`}
        name={name}
        class="input"
        aria-invalid={messages.length > 0}
        aria-describedby={`about-${name}`}
        onChange={(event) => set(name, event.currentTarget.value)}
      >
        {Object.entries(options).map(([one, label]) => (
          <option key={one} value={one} selected={one === value}>{label}</option>
        ))}
      </select>
    </Field>
  );
}
