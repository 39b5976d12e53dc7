import { Autocomplete, Button, NativeSelect, Pill, SegmentedControl, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useEffect, useRef, useState } from "react";

import { useGateway } from "../../../api/gateway";
import { agentsQuery, teamsQuery, toolsQuery, usersQuery } from "../../../api/queries";
import { useRole } from "../../../api/use-role";
import { Icon } from "../../../components/icons";
import { strings } from "../../../strings";
import { reasons } from "../../../strings/reasons";
import { chipsOf } from "./chips";
import { DECISIONS, EFFECTS, type Exact, KINDS, RANGES, STATUSES, type TrailFilter } from "./filter";

const t = strings.audit.filter;
const TYPED_MS = 350;
const MOST_OFFERED = 50;

interface FilterBarProps {
  filter: TrailFilter;
  onFilter: (filter: TrailFilter) => void;
  children?: ReactNode;
}

/** What to show. All of it stands in the address, so that it can be kept and passed on. */
export function FilterBar({ filter, onFilter, children }: FilterBarProps) {
  const [open, setOpen] = useState(false);
  const [custom, setCustom] = useState(filter.since !== undefined || filter.until !== undefined);
  const range = custom ? "custom" : (filter.range ?? "all");
  const chips = chipsOf(filter);
  const set = (change: TrailFilter) => onFilter({ ...filter, ...change });
  return (
    <section className="trail-filter" aria-label={t.label}>
      <div className="toolbar trail-toolbar">
        <Typed label={t.text} placeholder={t.textPlaceholder} value={filter.text} onChange={(text) => set({ text })} testId="audit-text" />
        <SegmentedControl
          size="xs"
          className="trail-range"
          aria-label={t.range}
          value={range}
          onChange={(value) => {
            setCustom(value === "custom");
            set({ range: RANGES.find((known) => known === value), since: undefined, until: undefined });
          }}
          data={(["all", ...RANGES, "custom"] as const).map((value) => ({ value, label: t.ranges[value] }))}
          data-testid="audit-range"
        />
        <Button size="xs" variant="default" aria-expanded={open} leftSection={<Icon name="filter" size={14} />} onClick={() => setOpen(!open)} data-testid="audit-more-filters">
          {t.more}
        </Button>
        <div className="push">{children}</div>
      </div>
      {custom && (
        <div className="toolbar">
          <Moment label={t.since} value={filter.since} onChange={(since) => set({ since, range: undefined })} testId="audit-since" />
          <Moment label={t.until} value={filter.until} onChange={(until) => set({ until, range: undefined })} testId="audit-until" />
        </div>
      )}
      {open && <Fields filter={filter} onSet={(name, value) => set({ [name]: value })} />}
      {chips.length > 0 && (
        <div className="chips" data-testid="audit-chips">
          {chips.map(({ name, label }) => (
            <Pill
              key={name}
              size="md"
              withRemoveButton
              onRemove={() => set({ [name]: undefined })}
              removeButtonProps={{ "aria-label": t.drop(label), "aria-hidden": false, tabIndex: 0, ...testId(`audit-drop-${name}`) }}
            >
              {label}
            </Pill>
          ))}
          <Button
            size="compact-xs"
            variant="subtle"
            onClick={() => {
              setCustom(false);
              onFilter({});
            }}
            data-testid="audit-clear"
          >
            {t.clear}
          </Button>
        </div>
      )}
    </section>
  );
}

const words = (known: readonly string[], label: Record<string, string>) => known.map((value) => ({ value, label: label[value] ?? value }));
const testId = (name: string): object => ({ "data-testid": name });

/** The fields that are compared as they are. Names can be typed too: who was removed stands in the trail, but in no list. */
function Fields({ filter, onSet }: { filter: TrailFilter; onSet: (name: Exact, value: string | undefined) => void }) {
  const { client } = useGateway();
  const member = useRole() === "member";
  const users = useQuery({ ...usersQuery(client), enabled: !member }).data ?? [];
  const teams = useQuery({ ...teamsQuery(client), enabled: !member }).data ?? [];
  const agents = useQuery(agentsQuery(client)).data ?? [];
  const tools = useQuery(toolsQuery(client)).data ?? [];
  const named = (name: Exact, data: readonly string[]) => (
    <Named key={name} label={t.names[name]} value={filter[name]} data={data} onChange={(value) => onSet(name, value)} testId={`audit-${name}`} />
  );
  const chosen = (name: Exact, data: readonly { value: string; label: string }[]) => (
    <NativeSelect
      key={name}
      size="xs"
      label={t.names[name]}
      value={filter[name] ?? ""}
      onChange={(event) => onSet(name, event.currentTarget.value || undefined)}
      data={withValue([{ value: "", label: t.any }, ...data], filter[name])}
      data-testid={`audit-${name}`}
    />
  );
  return (
    <div className="trail-fields" data-testid="audit-fields">
      {!member && named("user", users.map((user) => user.name))}
      {!member && named("team", teams.map((team) => team.name))}
      {named("agent", member ? agents.map((agent) => agent.name) : agents.map((agent) => `${agent.user}/${agent.name}`))}
      {named("connection", [...new Set(tools.map((tool) => tool.connection))])}
      {named("tool", tools.map((tool) => tool.id))}
      {chosen("decision", words(DECISIONS, t.decisions))}
      {chosen("reason", words(Object.keys(reasons), reasons))}
      {chosen("effect", words(EFFECTS, t.effects))}
      {chosen("status", words(STATUSES, strings.audit.story.outcome))}
      {chosen("kind", words(KINDS, t.kinds))}
    </div>
  );
}

/** What the address says must not look as if it were not set. */
function withValue(choices: { value: string; label: string }[], value: string | undefined) {
  return value === undefined || choices.some((choice) => choice.value === value) ? choices : [...choices, { value, label: value }];
}

interface TypedProps {
  label: string;
  value: string | undefined;
  onChange: (value: string | undefined) => void;
  testId: string;
}

/** What is typed counts after a pause; what comes from elsewhere at once. */
function useTyped(value: string | undefined, onChange: (value: string | undefined) => void) {
  const [typed, setTyped] = useState(value ?? "");
  const said = useRef(value);
  const timer = useRef<number>(undefined);
  useEffect(() => {
    if (said.current === value) return;
    said.current = value;
    setTyped(value ?? "");
  }, [value]);
  useEffect(() => () => window.clearTimeout(timer.current), []);
  const type = (text: string, afterMs = TYPED_MS) => {
    setTyped(text);
    window.clearTimeout(timer.current);
    timer.current = window.setTimeout(() => {
      const next = text.trim() === "" ? undefined : text.trim();
      if (next === said.current) return;
      said.current = next;
      onChange(next);
    }, afterMs);
  };
  return { typed, type };
}

function Typed({ label, placeholder, value, onChange, testId: id }: TypedProps & { placeholder: string }) {
  const { typed, type } = useTyped(value, onChange);
  return (
    <TextInput
      size="xs"
      className="trail-text"
      aria-label={label}
      placeholder={placeholder}
      leftSection={<Icon name="search" size={14} />}
      value={typed}
      onChange={(event) => type(event.currentTarget.value)}
      data-testid={id}
    />
  );
}

function Named({ label, value, data, onChange, testId: id }: TypedProps & { data: readonly string[] }) {
  const { typed, type } = useTyped(value, onChange);
  return (
    <Autocomplete
      size="xs"
      label={label}
      placeholder={t.any}
      clearable
      limit={MOST_OFFERED}
      maxDropdownHeight={280}
      spellCheck={false}
      autoComplete="off"
      value={typed}
      onChange={(text) => type(text, data.includes(text) || text === "" ? 0 : TYPED_MS)}
      data={data.toSorted()}
      data-testid={id}
    />
  );
}

/** A local date and time. Where the web view has no picker for it, it is typed: 2026-11-23 14:00. */
function Moment({ label, value, onChange, testId: id }: TypedProps) {
  const [typed, setTyped] = useState(() => localOf(value));
  const bad = typed !== "" && momentOf(typed) === undefined;
  return (
    <TextInput
      size="xs"
      type="datetime-local"
      label={label}
      value={typed}
      error={bad ? t.badTime : undefined}
      onChange={(event) => {
        const text = event.currentTarget.value;
        setTyped(text);
        const moment = momentOf(text);
        if (text === "" || moment !== undefined) onChange(moment);
      }}
      data-testid={id}
    />
  );
}

function momentOf(text: string): string | undefined {
  const time = /\d{4}-\d\d-\d\d[T ]\d\d:\d\d/.test(text) ? Date.parse(text.trim().replace(" ", "T")) : Number.NaN;
  return Number.isNaN(time) ? undefined : new Date(time).toISOString();
}

function localOf(rfc3339: string | undefined): string {
  if (rfc3339 === undefined) return "";
  const date = new Date(rfc3339);
  const local = new Date(date.getTime() - date.getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 16);
}
