import { Alert, Button, Group } from "@mantine/core";

import { Icon } from "../../components/icons";
import { type Versus, VersusTable } from "../../components/versus";
import { strings } from "../../strings";

const t = strings.people;

/** Somebody changed the same row: both, and the person decides. The form stays as it is. */
export function StaleNotice({ rows, pending, onOverwrite }: { rows: readonly Versus[]; pending: boolean; onOverwrite: () => void }) {
  return (
    <Alert variant="light" icon={<Icon name="alert" />} title={strings.conflict.title} className="notice" data-tone="wait" role="alert" data-testid="stale">
      <p className="note">{t.conflict}</p>
      <VersusTable rows={rows} mineLabel={t.yours} theirsLabel={t.now} />
      <Group mt="xs">
        <Button size="xs" color="red.9" loading={pending} onClick={onOverwrite}>
          {t.saveOver}
        </Button>
      </Group>
    </Alert>
  );
}
