import { asApiError, fromResponse } from "../../api/error";
import type { Host, Saved, Saving } from "../../api/types";
import type { TrailQuery } from "./trail/filter";

export const EXPORT_FORMATS = ["jsonl", "csv", "tlog"] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** As the gateway and the window name it. */
function fileOf(format: ExportFormat): string {
  return `agw-audit.${format}`;
}

export function exportPath(format: ExportFormat, query: TrailQuery): string {
  return `/api/v1/audit/export?${new URLSearchParams({ format, ...query }).toString()}`;
}

/** Saves the trail, or a part of it, as a file: in the window the shell writes it, in a browser it becomes a download once it is whole. */
export async function saveTrail(host: Host, format: ExportFormat, query: TrailQuery, told: (saving: Saving) => void, signal: AbortSignal): Promise<Saved> {
  const path = exportPath(format, query);
  if (host.shell) return host.shell.saveTrail(path, told, signal);
  const answer = await host.fetch(new Request(host.baseUrl + path, { signal })).catch((error: unknown) => {
    throw asApiError(error);
  });
  if (!answer.ok) throw fromResponse(answer, await answer.json().catch(() => undefined));
  const { parts, ...saved } = await collect(answer, format, told);
  download(new Blob(parts, { type: answer.headers.get("content-type") ?? "" }), fileOf(format));
  return { file: fileOf(format), ...saved };
}

/** Of so many bytes the browser makes a blob, which it may keep on disk. */
const FOLD_AT = 8_000_000;
const TELL_EVERY_MS = 100;

async function collect(answer: Response, format: ExportFormat, told: (saving: Saving) => void): Promise<{ parts: Blob[]; bytes: number; records: number }> {
  const announced = Number.parseInt(answer.headers.get("agw-export-records") ?? "", 10);
  const of = Number.isFinite(announced) ? announced : null;
  const count = counter(format);
  const parts: Blob[] = [];
  let [held, heldBytes, bytes, records, last]: [BlobPart[], number, number, number, number] = [[], 0, 0, 0, 0];
  const reader = answer.body?.getReader();
  for (;;) {
    // oxlint-disable-next-line no-await-in-loop -- one piece comes after the other
    const piece = await reader?.read();
    if (piece === undefined || piece.done) break;
    held.push(piece.value);
    heldBytes += piece.value.length;
    bytes += piece.value.length;
    records = count(piece.value);
    if (heldBytes >= FOLD_AT) {
      parts.push(new Blob(held));
      [held, heldBytes] = [[], 0];
    }
    if (performance.now() - last >= TELL_EVERY_MS) {
      last = performance.now();
      told({ bytes, records, of });
    }
  }
  return { parts: [...parts, new Blob(held)], bytes, records };
}

const [LINE_END, QUOTE, RECORD] = [10, 34, 114];

/** Counts records as they go by, wherever the pieces end: as `agw audit export` does. */
export function counter(format: ExportFormat): (piece: Uint8Array) => number {
  let [lines, inCell, start] = [0, false, true];
  return (piece) => {
    for (const byte of piece) {
      // In a cell of a CSV file a line end ends no line.
      const end = byte === LINE_END && !inCell;
      if (format === "tlog" ? start && byte === RECORD : end) lines += 1;
      if (format === "csv" && byte === QUOTE) inCell = !inCell;
      start = end;
    }
    return format === "csv" ? Math.max(0, lines - 1) : lines;
  };
}

function download(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  // The browser has begun by then.
  window.setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

export function verifyCommand(key: string): string {
  return `agw audit verify ${fileOf("tlog")} --key ${quoted(key)}`;
}

/** For a shell, which is to understand nothing of it. */
function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) && !text.startsWith("-") ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
