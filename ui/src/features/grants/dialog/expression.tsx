import { Code, Text } from "@mantine/core";

import type { Place } from "../../../api/types";
import { Mark } from "../../../components/mark";
import { capitalized } from "../../../components/states";
import { strings } from "../../../strings";
import type { Condition } from "./use-condition";

const t = strings.grants.condition;

/** The whole condition, and what is wrong with it where it is wrong. */
export function ConditionResult({ condition }: { condition: Condition }) {
  return (
    <div className="condition-result" role="status" data-testid="condition-result" data-state={condition.state}>
      {condition.state === "none" && <span className="dim">{t.none}</span>}
      {condition.state === "incomplete" && <Mark tone="wait" icon="alert" label={t.incomplete} />}
      {condition.state === "checking" && <span className="dim">{t.checking}</span>}
      {condition.state === "failed" && (
        <>
          <Mark tone="deny" icon="alert" label={t.problem} />
          <Text size="sm">
            {capitalized(condition.error.message)}. {capitalized(condition.error.next)}
          </Text>
        </>
      )}
      {condition.state === "checked" && (
        <>
          <Text size="xs" c="dimmed">
            {t.whole}
          </Text>
          <Code block>
            <Marked text={condition.checked.when} place={condition.checked.place ?? undefined} />
          </Code>
          {condition.checked.problem == null ? (
            <Mark tone="allow" icon="check" label={t.good} />
          ) : (
            <div>
              <Mark tone="deny" icon="alert" label={t.problem} />
              <Text size="sm">{capitalized(condition.checked.problem)}</Text>
            </div>
          )}
        </>
      )}
    </div>
  );
}

/** Counted in characters, as the gateway counts, not in UTF-16 units. */
function Marked({ text, place }: { text: string; place: Place | undefined }) {
  if (place === undefined) return text;
  const characters = Array.from(text);
  const end = place.at + Math.max(1, place.length);
  const wrong = characters.slice(place.at, end).join("");
  return (
    <>
      {characters.slice(0, place.at).join("")}
      <mark className="wrong">{wrong === "" ? " " : wrong}</mark>
      {characters.slice(end).join("")}
    </>
  );
}
