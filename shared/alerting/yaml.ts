/** YAML with line numbers: the only door to the yaml package. @module */
import { isNode, LineCounter, parseDocument, visit } from "yaml";

export interface Yaml {
  /** The document as plain values; undefined when it could not be read. */
  readonly value: unknown;
  /** What is wrong with the text itself. */
  readonly problems: readonly { line: number; message: string }[];
  /** The line of the value at a path; where there is none, that of the nearest value above. */
  lineOf(path: readonly PropertyKey[]): number;
}

/** Most places that aliases may stand for: more is a bomb, not a configuration. */
const maxAliasCount = 100;

/** Reads one YAML document; anchors, aliases and merge keys (`<<`) are allowed. */
export function readYaml(text: string): Yaml {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, merge: true, prettyErrors: false });
  const problems = document.errors.map((error) => ({
    line: lines.linePos(error.pos[0]).line,
    message: error.message,
  }));
  visit(document, {
    Alias(_, alias) {
      if (alias.resolve(document)) return;
      // Its name is not told: it may be a password that begins with a star.
      const { line } = lines.linePos(alias.range?.[0] ?? 0);
      problems.push({ line, message: "An alias must stand for an anchor before it; quote a text" });
    },
  });
  let value: unknown;
  if (problems.length === 0) {
    try {
      value = document.toJS({ maxAliasCount });
    } catch (cause) {
      problems.push({ line: 1, message: cause instanceof Error ? cause.message : String(cause) });
    }
  }
  return {
    value,
    problems,
    lineOf(path) {
      for (let length = path.length; length >= 0; length--) {
        const node = document.getIn(path.slice(0, length), true);
        if (isNode(node) && node.range) return lines.linePos(node.range[0]).line;
      }
      return 1;
    },
  };
}
