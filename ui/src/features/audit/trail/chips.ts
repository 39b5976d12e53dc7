import { dayAndTime } from "../../../components/time";
import { strings } from "../../../strings";
import { EXACT, type TrailFilter } from "./filter";

const t = strings.audit.filter;

interface Chip {
  name: keyof TrailFilter;
  label: string;
}

const WORDS: { [name in keyof TrailFilter]?: (value: string) => string | undefined } = {
  decision: (value) => t.decisions[value],
  reason: (value) => strings.reasonWords(value),
  effect: (value) => t.effects[value],
  status: (value) => strings.audit.story.outcome[value],
  kind: (value) => t.kinds[value],
};

/** What a filter says, in words. */
export function chipsOf(filter: TrailFilter): Chip[] {
  const exact = EXACT.flatMap((name): Chip[] => {
    const value = filter[name];
    return value === undefined ? [] : [{ name, label: t.chip(t.names[name], WORDS[name]?.(value) ?? value) }];
  });
  return [
    ...(filter.text === undefined ? [] : [{ name: "text" as const, label: t.chipText(filter.text) }]),
    ...exact,
    ...(filter.range === undefined ? [] : [{ name: "range" as const, label: t.ranges[filter.range] }]),
    ...(filter.since === undefined ? [] : [{ name: "since" as const, label: t.chipSince(dayAndTime(filter.since)) }]),
    ...(filter.until === undefined ? [] : [{ name: "until" as const, label: t.chipUntil(dayAndTime(filter.until)) }]),
  ];
}
