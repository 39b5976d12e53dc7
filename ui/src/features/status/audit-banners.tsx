import { Alert, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";

import { useGateway } from "../../api/gateway";
import { statusQuery } from "../../api/queries";
import { useServiceState } from "../../api/use-service-state";
import { Icon } from "../../components/icons";
import { capitalized } from "../../components/states";
import { strings } from "../../strings";

const LOOK_EVERY_MS = 2_000;

/** Shown for as long as records cannot be written. It goes by itself, as the state does. */
export function UnrecordedBanner() {
  const { client } = useGateway();
  const state = useServiceState();
  const unrecorded = state === "unrecorded";
  const status = useQuery({ ...statusQuery(client), ...(unrecorded ? { refetchInterval: LOOK_EVERY_MS } : {}) }).data;
  if (!unrecorded) return null;
  return (
    <Alert variant="light" color="red" icon={<Icon name="alert" />} title={strings.unrecorded.title} role="alert" className="notice" data-tone="deny" data-testid="unrecorded">
      <Text size="sm">{capitalized(status?.unrecorded_reason ?? strings.unrecorded.noReason)}</Text>
      <Text size="sm">{strings.unrecorded.resumes}</Text>
    </Alert>
  );
}

/** The trail as a whole is not what it was. */
export function AlarmBanner({ href }: { href: string | undefined }) {
  const { client } = useGateway();
  const alarm = useQuery(statusQuery(client)).data?.audit_alarm;
  if (alarm == null) return null;
  return (
    <Alert variant="light" color="red" icon={<Icon name="alert" />} title={strings.audit.alarm.title} role="alert" className="notice" data-tone="deny" data-testid="alarm-banner">
      <Text size="sm">{capitalized(alarm)}</Text>
      {href !== undefined && (
        <a href={href} data-testid="alarm-look">
          {strings.audit.alarm.look}
        </a>
      )}
    </Alert>
  );
}
