/**
 * JSON logs, readable on a terminal. Normal operation is silent at `info` but for start, stop and
 * configuration.
 *
 * @module
 */

export const levels = ["debug", "info", "warn", "error"] as const;
export type Level = (typeof levels)[number];
export type Fields = Readonly<Record<string, unknown>>;

export interface Log {
  debug(message: string, fields?: Fields): void;
  info(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  /** `fields.error` may be an Error: its message, name, stack and causes are written. */
  error(message: string, fields?: Fields): void;
  /** A log that writes these fields with each line. */
  with(fields: Fields): Log;
}

export interface LogOptions {
  level: Level;
  now: () => number;
  /** Takes one line, without its line break. */
  write: (line: string) => void;
  /** For people instead of machines. */
  pretty?: boolean;
}

/** Makes a log. */
export function createLog(options: LogOptions, base: Fields = {}): Log {
  const lowest = levels.indexOf(options.level);
  const at = (level: Level) => (message: string, fields: Fields = {}) => {
    if (levels.indexOf(level) < lowest) return;
    const line = {
      timestamp: new Date(options.now()).toISOString(),
      level,
      message,
      ...base,
      ...fields,
    };
    options.write(options.pretty ? prettyLine(line) : JSON.stringify(line, plain));
  };
  return {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    with: (fields) => createLog(options, { ...base, ...fields }),
  };
}

/** Errors as plain objects; `JSON.stringify` would write `{}`. */
function plain(_key: string, value: unknown): unknown {
  if (value instanceof Error) {
    return {
      name: value.name,
      message: value.message,
      stack: value.stack,
      ...(value.cause === undefined ? {} : { cause: value.cause }),
    };
  }
  return typeof value === "bigint" ? String(value) : value;
}

const colours: Record<Level, string> = { debug: "90", info: "36", warn: "33", error: "31" };

function prettyLine(
  { timestamp, level, message, service, function: fn, error, ...rest }: {
    timestamp: string;
    level: Level;
    message: string;
    [field: string]: unknown;
  },
): string {
  const where = [service, fn].filter(Boolean).join(" ");
  const fields = Object.entries(rest)
    .filter(([name]) => !name.endsWith("_id"))
    .map(([name, value]) => ` ${name}=${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join("");
  const stack = error instanceof Error ? `\n${error.stack}` : error ? ` ${String(error)}` : "";
  return `${timestamp.slice(11, 23)} \x1b[${colours[level]}m${level.padEnd(5)}\x1b[0m ${
    where ? `${where}: ` : ""
  }${message}${fields}${stack}`;
}

/** A log that writes nowhere. */
export const silentLog: Log = createLog({ level: "error", now: () => 0, write: () => {} });
