/** Severities and states of services: a shape, a word and a colour, never a colour alone. @module */
import type { ServiceStatus, Severity as Level } from "../lib/api.ts";
import * as text from "../text.ts";
import { Icon } from "./Icon.tsx";

const colours = {
  critical: "text-critical bg-critical-soft",
  warning: "text-warning bg-warning-soft",
  info: "text-info bg-info-soft",
  healthy: "text-ok bg-ok-soft",
  down: "text-ink-2 bg-sunken",
} as const;

export function Severity({ level }: { level: Level }) {
  return <Chip kind={level} label={text.severity[level]} />;
}

export function Status({ status }: { status: ServiceStatus }) {
  return <Chip kind={status} label={text.status[status]} />;
}

function Chip({ kind, label }: { kind: keyof typeof colours; label: string }) {
  return (
    <span
      class={`inline-flex items-center gap-1 rounded-full align-middle py-0.5 pr-2 pl-1.5 text-xs font-medium ${
        colours[kind]
      }`}
    >
      <Icon name={kind} class="size-3.5" />
      {label}
    </span>
  );
}
