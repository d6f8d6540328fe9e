/** Whether an alert fires or is over: a shape and a word. @module */
import * as text from "../text.ts";
import { Icon } from "./Icon.tsx";

export function AlertStatus({ status }: { status: "firing" | "resolved" }) {
  const firing = status === "firing";
  return (
    <span
      class={`inline-flex items-center gap-1 align-middle text-xs font-medium ${
        firing ? "text-ink" : "text-ink-3"
      }`}
    >
      <Icon name={firing ? "alerts" : "healthy"} class="size-3.5" />
      {text.alerts.status[status]}
    </span>
  );
}
