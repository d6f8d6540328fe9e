/** The page around the form of a rule. @module */
import { Head } from "fresh/runtime";
import RuleForm from "../islands/RuleForm.tsx";
import { clip } from "../lib/alerts.ts";
import type { Rule, RuleInput } from "../lib/api.ts";
import * as text from "../text.ts";
import { Icon } from "./Icon.tsx";

export function RulePage({ title, ...form }: {
  title: string;
  rule?: Rule;
  draft: Partial<RuleInput>;
  services: string[];
  metrics: string[];
  mayChange: boolean;
}) {
  return (
    <div class="page">
      <Head>
        <title>{text.title(clip(title, 80))}</title>
      </Head>
      <a
        href="/rules"
        class="mb-4 inline-flex items-center gap-1 rounded-sm text-sm text-ink-3 hover:text-ink"
      >
        <Icon name="back" class="size-3.5" />
        {text.ruleForm.back}
      </a>
      <h1 dir="auto" class="page-title line-clamp-3 wrap-anywhere" title={title}>{title}</h1>
      <RuleForm {...form} />
    </div>
  );
}
