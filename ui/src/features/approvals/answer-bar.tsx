import { Button, Group, TextInput, Tooltip } from "@mantine/core";
import { useState } from "react";

import type { AnswerKind } from "../../api/types";
import { Icon } from "../../components/icons";
import { strings } from "../../strings";
import { DenyButton } from "./deny-button";
import type { Picked } from "./answer-keys";
import { PickedLine } from "./picked-line";

const t = strings.approvals;

interface AnswerBarProps {
  label: string;
  /** Whether a click can be meant for these buttons yet. */
  ready: boolean;
  /** By keyboard, and not confirmed yet. */
  picked: Picked | undefined;
  pending: AnswerKind | undefined;
  mayAlways: boolean;
  onAnswer: (answer: AnswerKind, note?: string) => void;
  onAlways: () => void;
}

/** Not a form: Enter in the note answers nothing. */
export function AnswerBar({ label, ready, picked, pending, mayAlways, onAnswer, onAlways }: AnswerBarProps) {
  const [note, setNote] = useState("");
  const off = !ready || pending !== undefined;
  return (
    <div className="answer-bar" role="group" aria-label={label}>
      <PickedLine picked={picked} />
      <Group gap="xs" className="allow-part">
        <Tooltip label={t.onceMeaning} withArrow>
          <Button leftSection={<Icon name="check" size={14} />} disabled={off} loading={pending === "once"} onClick={() => onAnswer("once")} data-testid="approve-once">
            {t.once}
          </Button>
        </Tooltip>
        <Tooltip label={t.sessionMeaning} withArrow multiline maw={280}>
          <Button variant="default" disabled={off} loading={pending === "session"} onClick={() => onAnswer("session")} data-testid="approve-session">
            {t.session}
          </Button>
        </Tooltip>
        {mayAlways && (
          <Button variant="default" disabled={off} onClick={onAlways} data-testid="approve-always">
            {t.always}
          </Button>
        )}
      </Group>
      <Group gap="xs" wrap="nowrap" className="deny-part">
        <TextInput
          aria-label={t.note}
          placeholder={t.notePlaceholder}
          title={t.noteHint}
          maxLength={500}
          value={note}
          onChange={(event) => setNote(event.currentTarget.value)}
          data-testid="deny-note"
        />
        <DenyButton disabled={off} loading={pending === "deny"} onDeny={() => onAnswer("deny", note.trim() === "" ? undefined : note.trim())} testId="deny" />
      </Group>
    </div>
  );
}
