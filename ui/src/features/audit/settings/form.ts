import type { AuditSettings, Durability, MetricsAccess } from "../../../api/types";
import type { Worded } from "../../../components/stale-notice";
import { strings } from "../../../strings";

const t = strings.audit.settings;

export const DURABILITIES: readonly Durability[] = ["by_effect", "strict"];
export const METRICS: readonly MetricsAccess[] = ["off", "local", "token"];

/** What may be asked for at least; the gateway has the last word. */
const LEAST = { bodiesDays: 1, recordsDays: 7, maxMib: 64 } as const;

/** Texts as they are typed. */
export interface Values {
  durability: Durability;
  receipts: boolean;
  bodiesDays: string;
  recordsDays: string;
  maxMib: string;
  witnessFolder: string;
  witnessUrl: string;
  metrics: MetricsAccess;
}

export function valuesOf(settings: AuditSettings): Values {
  return {
    durability: settings.durability ?? "by_effect",
    receipts: settings.receipts ?? false,
    bodiesDays: settings.bodies_days?.toString() ?? "",
    recordsDays: settings.records_days?.toString() ?? "",
    maxMib: settings.max_mib?.toString() ?? "",
    witnessFolder: settings.witness_folder ?? "",
    witnessUrl: settings.witness_url ?? "",
    metrics: settings.metrics ?? "off",
  };
}

const textOf = (typed: string) => (typed.trim() === "" ? null : typed.trim());
const numberOf = (typed: string) => (textOf(typed) === null ? null : Number(typed));

export function settingsOf(values: Values, version: number): AuditSettings {
  return {
    durability: values.durability,
    receipts: values.receipts,
    bodies_days: numberOf(values.bodiesDays),
    records_days: numberOf(values.recordsDays),
    max_mib: numberOf(values.maxMib),
    witness_folder: textOf(values.witnessFolder),
    witness_url: textOf(values.witnessUrl),
    metrics: values.metrics,
    version,
  };
}

const atLeast = (least: number) => (text: string) => (text.trim() === "" || (/^\d{1,9}$/.test(text.trim()) && Number(text.trim()) >= least) ? null : t.wholeNumber(least));

export const validate = {
  bodiesDays: atLeast(LEAST.bodiesDays),
  recordsDays: atLeast(LEAST.recordsDays),
  maxMib: atLeast(LEAST.maxMib),
  // `C:\…` and `\\server\…` are absolute, too.
  witnessFolder: (text: string) => (text.trim() === "" || /^(?:\/|[A-Za-z]:[\\/]|\\\\)/.test(text.trim()) ? null : t.witnessFolderBad),
  witnessUrl: (text: string) => (text.trim() === "" || /^https?:\/\/./.test(text.trim()) ? null : t.witnessUrlBad),
};

/** Settings in words, in the order of the form. */
export function wordsOf(values: Values): Worded[] {
  return [
    { name: t.durability, words: t.durabilities[values.durability] },
    { name: t.receipts, words: values.receipts ? t.yes : t.no },
    { name: t.bodiesDays, words: values.bodiesDays || t.forEver },
    { name: t.recordsDays, words: values.recordsDays || t.forEver },
    { name: t.maxMib, words: values.maxMib || t.noBound },
    { name: t.witnessFolder, words: values.witnessFolder || t.nothing },
    { name: t.witnessUrl, words: values.witnessUrl || t.nothing },
    { name: t.metrics, words: t.metricsChoices[values.metrics] },
  ];
}

/** The bounds that are tighter than before: what they make go is gone. */
export function tightened(before: Values, after: Values): string[] {
  const names = { bodiesDays: t.bodiesDays, recordsDays: t.recordsDays, maxMib: t.maxMib };
  return (Object.keys(names) as (keyof typeof names)[])
    .filter((field) => (numberOf(after[field]) ?? Infinity) < (numberOf(before[field]) ?? Infinity))
    .map((field) => `${names[field]}: ${after[field].trim()}`);
}
