import type { Effect, Grant, NewGrant } from "../../../api/types";
import { strings } from "../../../strings";
import type { RuleLine } from "./rules";

const t = strings.grants.dialog;

export type Expiry = "keep" | "never" | "7d" | "30d" | "date";
export type RateUnit = "" | "s" | "min" | "h" | "day";

export interface Values {
  subject: string;
  tool: string;
  effect: Effect;
  lines: RuleLine[];
  cel: string;
  expiry: Expiry;
  /** As a `datetime-local` field has it. */
  date: string;
  rateCalls: string;
  rateUnit: RateUnit;
}

/** What the form starts from: a grant that is there, or what a new one is for. */
export interface Draft {
  grant?: Grant | undefined;
  subject?: string | undefined;
  tool?: string | undefined;
  effect?: Effect | undefined;
}

export function valuesOf(draft: Draft): Values {
  const { grant } = draft;
  const [, calls = "", unit = ""] = /^(\d+)\/(s|min|h|day)$/.exec(grant?.rate ?? "") ?? [];
  return {
    subject: grant?.subject ?? draft.subject ?? "",
    tool: grant?.tool ?? draft.tool ?? "",
    effect: grant?.effect ?? draft.effect ?? "allow",
    lines: [],
    cel: grant?.when ?? "",
    expiry: grant?.expires_at == null ? "never" : "keep",
    date: "",
    rateCalls: calls,
    rateUnit: unit as RateUnit,
  };
}

export const validate = {
  subject: (value: string) => (value === "" ? t.subjectMissing : null),
  tool: (value: string) => (value.trim() === "" ? t.toolMissing : null),
  date: (value: string, values: Values) => (values.expiry === "date" && !(Date.parse(value) > Date.now()) ? t.dateMissing : null),
  rateCalls: (value: string, values: Values) => (values.rateUnit !== "" && !/^[1-9]\d*$/.test(value.trim()) ? t.rateMissing : null),
};

/** The grant that the form describes, with the condition as the gateway put it together. */
export function bodyOf(values: Values, when: string | undefined, grant: Grant | undefined): Omit<NewGrant, "version"> {
  const expires = { keep: grant?.expires_at ?? undefined, never: undefined, "7d": "7d", "30d": "30d", date: values.date && new Date(values.date).toISOString() }[values.expiry];
  return {
    subject: values.subject,
    tool: values.tool.trim(),
    effect: values.effect,
    ...(when === undefined || when === "" ? {} : { when }),
    ...(expires ? { expires } : {}),
    ...(values.rateUnit === "" ? {} : { rate: `${values.rateCalls.trim()}/${values.rateUnit}` }),
  };
}
