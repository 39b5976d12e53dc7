import { ActionIcon, Autocomplete, Button, NativeSelect, NumberInput, TagsInput, Textarea, TextInput } from "@mantine/core";

import { Icon } from "../../../components/icons";
import { strings } from "../../../strings";
import { ConditionResult } from "./expression";
import { type Field, newLine, RULE_KINDS, type RuleKind, type RuleLine } from "./rules";
import type { Condition } from "./use-condition";

const t = strings.grants.condition;
const HOURS = Array.from({ length: 25 }, (_, hour) => String(hour));
const ZONES = ["UTC", ...(typeof Intl.supportedValuesOf === "function" ? Intl.supportedValuesOf("timeZone") : [])];

interface ConditionFieldsProps {
  lines: readonly RuleLine[];
  cel: string;
  fields: readonly Field[];
  condition: Condition;
  onLines: (lines: RuleLine[]) => void;
  onCel: (cel: string) => void;
}

/** The common conditions line by line, any other as CEL, and the whole as it will be saved. */
export function ConditionFields({ lines, cel, fields, condition, onLines, onCel }: ConditionFieldsProps) {
  return (
    <fieldset className="rows">
      <legend>{t.title}</legend>
      <span className="dim small">{t.hint}</span>
      {lines.map((line, index) => (
        <Line
          key={line.id}
          line={line}
          number={index + 1}
          fields={fields}
          onChange={(changed) => onLines(lines.map((other) => (other.id === line.id ? { ...other, ...changed } : other)))}
          onRemove={() => onLines(lines.filter((other) => other.id !== line.id))}
        />
      ))}
      <Button size="xs" variant="subtle" w="fit-content" leftSection={<Icon name="add" size={14} />} onClick={() => onLines([...lines, newLine()])} data-testid="rule-add">
        {t.add}
      </Button>
      <Textarea
        label={t.cel}
        description={t.celHint}
        placeholder={t.celPlaceholder}
        className="mono"
        autosize
        minRows={1}
        maxRows={8}
        spellCheck={false}
        value={cel}
        onChange={(event) => onCel(event.currentTarget.value)}
        data-testid="grant-cel"
      />
      <ConditionResult condition={condition} />
    </fieldset>
  );
}

interface LineProps {
  line: RuleLine;
  number: number;
  fields: readonly Field[];
  onChange: (changed: Partial<RuleLine>) => void;
  onRemove: () => void;
}

function Line({ line, number, fields, onChange, onRemove }: LineProps) {
  return (
    <div className="rule-line" data-testid={`rule-${number}`}>
      {line.kind !== "between" && (
        <Autocomplete
          aria-label={t.fieldOf(number)}
          placeholder={t.field}
          className="mono"
          autoComplete="off"
          spellCheck={false}
          data={fields.map((field) => field.name)}
          limit={50}
          value={line.field}
          onChange={(field) => onChange({ field })}
        />
      )}
      <NativeSelect
        aria-label={t.kind(number)}
        value={line.kind}
        onChange={(event) => onChange({ kind: RULE_KINDS.find((kind) => kind === event.currentTarget.value) ?? "one_of" })}
        data={RULE_KINDS.map((kind) => ({ value: kind, label: t.kinds[kind] }))}
      />
      <div className="rule-value">
        <Operand kind={line.kind} line={line} onChange={onChange} />
      </div>
      <ActionIcon variant="subtle" color="gray" size="input-sm" aria-label={t.removeLine(number)} onClick={onRemove}>
        <Icon name="cross" />
      </ActionIcon>
    </div>
  );
}

function Operand({ kind, line, onChange }: { kind: RuleKind; line: RuleLine; onChange: (changed: Partial<RuleLine>) => void }) {
  switch (kind) {
    case "one_of":
      return <TagsInput aria-label={t.values} placeholder={line.values.length === 0 ? t.values : ""} acceptValueOnBlur value={line.values} onChange={(values) => onChange({ values })} />;
    case "at_most":
      return <NumberInput aria-label={t.limit} placeholder={t.limit} value={line.limit} onChange={(limit) => onChange({ limit: String(limit) })} />;
    case "between":
      return (
        <div className="rule-hours">
          <NativeSelect aria-label={t.from} value={line.from} onChange={(event) => onChange({ from: event.currentTarget.value })} data={HOURS} />
          <span>–</span>
          <NativeSelect aria-label={t.to} value={line.to} onChange={(event) => onChange({ to: event.currentTarget.value })} data={HOURS} />
          <Autocomplete aria-label={t.zone} placeholder={t.zone} value={line.zone} onChange={(zone) => onChange({ zone })} data={[...new Set(ZONES)]} limit={50} />
        </div>
      );
    default:
      return (
        <TextInput
          aria-label={kind === "matches" ? t.pattern : t.kinds[kind]}
          placeholder={kind === "matches" ? t.pattern : t.endsWith}
          className="mono"
          autoComplete="off"
          spellCheck={false}
          value={line.text}
          onChange={(event) => onChange({ text: event.currentTarget.value })}
        />
      );
  }
}
