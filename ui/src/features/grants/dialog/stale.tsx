import { Alert, Button, Group } from "@mantine/core";

import type { Grant, NewGrant } from "../../../api/types";
import { Icon } from "../../../components/icons";
import { dayAndTime } from "../../../components/time";
import { VersusTable } from "../../../components/versus";
import { strings } from "../../../strings";

const t = strings.grants;

interface StaleProps {
  mine: Omit<NewGrant, "version">;
  /** The grant as it is now; none when it is gone. */
  now: Grant | undefined;
  pending: boolean;
  onOverwrite: () => void;
  onTakeNow: () => void;
  onKeepEditing: () => void;
}

/** Somebody was faster: both rows, and the person decides again. The form stays as it is. */
export function Stale({ mine, now, pending, onOverwrite, onTakeNow, onKeepEditing }: StaleProps) {
  const time = (text: string | null | undefined) => (text == null ? t.list.never : Number.isNaN(Date.parse(text)) ? text : dayAndTime(text));
  const rows = now && [
    { name: t.list.subject, mine: mine.subject, theirs: now.subject },
    { name: t.list.tool, mine: mine.tool, theirs: now.tool },
    { name: t.list.effect, mine: t[mine.effect], theirs: t[now.effect] },
    { name: t.list.when, mine: mine.when ?? t.list.anyTime, theirs: now.when ?? t.list.anyTime },
    { name: t.dialog.expires, mine: time(mine.expires), theirs: time(now.expires_at) },
    { name: t.dialog.rate, mine: mine.rate ?? t.dialog.rateUnits[""], theirs: now.rate ?? t.dialog.rateUnits[""] },
  ];
  return (
    <Alert variant="light" icon={<Icon name="alert" />} title={t.conflictTitle} className="notice" data-tone="wait" role="alert" data-testid="grant-stale">
      <p className="note">{now ? t.dialog.conflict : t.dialog.gone}</p>
      {rows && <VersusTable rows={rows} mineLabel={t.dialog.yours} theirsLabel={t.dialog.now} />}
      <Group gap="xs" mt="xs">
        <Button size="xs" variant="default" onClick={onKeepEditing}>
          {t.dialog.keepEditing}
        </Button>
        {now && (
          <Button size="xs" variant="default" onClick={onTakeNow}>
            {t.dialog.takeNow}
          </Button>
        )}
        <Button size="xs" color="red.9" loading={pending} onClick={onOverwrite} data-testid="grant-overwrite">
          {now ? t.dialog.saveOver : t.dialog.saveNew}
        </Button>
      </Group>
    </Alert>
  );
}
