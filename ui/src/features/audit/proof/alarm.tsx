import { Alert, Button, Text } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { unwrap } from "../../../api/client";
import { useGateway } from "../../../api/gateway";
import { auditStatusQuery, keys } from "../../../api/queries";
import type { AuditAlarm } from "../../../api/types";
import { useAction } from "../../../api/use-action";
import { useIsAdmin } from "../../../api/use-role";
import { useServiceState } from "../../../api/use-service-state";
import { Confirm } from "../../../components/dialogs";
import { Icon } from "../../../components/icons";
import { capitalized, Failure } from "../../../components/states";
import { dayAndTime } from "../../../components/time";
import { strings } from "../../../strings";

const t = strings.audit.alarm;

/** Something is wrong with the trail as a whole, until an admin has taken note. */
export function Alarm({ alarm }: { alarm: AuditAlarm }) {
  const { client } = useGateway();
  const queries = useQueryClient();
  const isAdmin = useIsAdmin();
  const stopped = useServiceState() === "stopped";
  const [asking, setAsking] = useState(false);
  const acknowledge = useAction(async () => {
    queries.setQueryData(auditStatusQuery(client).queryKey, await unwrap(client.POST("/api/v1/audit/acknowledge")));
    setAsking(false);
    await queries.invalidateQueries({ queryKey: [keys.status] });
  });
  return (
    <Alert variant="light" icon={<Icon name="alert" />} title={t.title} className="notice" data-tone="deny" role="alert" data-testid="audit-alarm">
      <p className="note">{capitalized(alarm.message)}</p>
      <p className="note">{capitalized(alarm.next)}</p>
      <p className="note dim">{t.found(dayAndTime(alarm.found_at))}</p>
      {isAdmin && (
        <Button size="xs" variant="default" mt="xs" disabled={stopped} onClick={() => setAsking(true)} data-testid="audit-acknowledge">
          {t.acknowledge}
        </Button>
      )}
      <Confirm opened={asking} title={t.confirmTitle} confirm={t.confirm} cancel={strings.cancel} pending={acknowledge.pending} onConfirm={() => void acknowledge.run()} onCancel={() => setAsking(false)}>
        <Text size="sm">{t.confirmText}</Text>
        {acknowledge.error && <Failure message={acknowledge.error.message} next={acknowledge.error.next} />}
      </Confirm>
    </Alert>
  );
}
