import type { TrailQuery } from "./trail/filter";

export const EXPORT_FORMATS = ["jsonl", "csv", "tlog"] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** As the gateway names it for a browser. */
function fileOf(format: ExportFormat): string {
  return `agw-audit.${format}`;
}

/** Where a browser gets the file, with its cookie. */
export function exportHref(format: ExportFormat, query: TrailQuery): string {
  return `/api/v1/audit/export?${new URLSearchParams({ format, ...query }).toString()}`;
}

/** The same on a command line. */
export function commandOf(format: ExportFormat, query: TrailQuery): string {
  const filters = Object.entries(query).map(([name, value]) => `--${name} ${quoted(value)}`);
  return ["agw audit export", `--format ${format}`, ...filters, `--out ${fileOf(format)}`].join(" ");
}

export function verifyCommand(key: string): string {
  return `agw audit verify ${fileOf("tlog")} --key ${quoted(key)}`;
}

/** For a shell, which is to understand nothing of it. */
function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) && !text.startsWith("-") ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
