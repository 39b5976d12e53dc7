import { Button, Modal, Stack, Text } from "@mantine/core";
import { useState } from "react";

import { unwrap } from "../../../api/client";
import { useGateway } from "../../../api/gateway";
import { useAction } from "../../../api/use-action";
import { Confirm } from "../../../components/dialogs";
import { Failure } from "../../../components/states";
import { SecretOnce } from "../../../components/secret-once";
import { strings } from "../../../strings";

const t = strings.audit.settings;

/** The token that Prometheus shows; it is shown here once. */
export function MetricsToken({ disabled }: { disabled: boolean }) {
  const { client } = useGateway();
  const [asking, setAsking] = useState(false);
  const [token, setToken] = useState<string>();
  const make = useAction(async () => {
    const created = await unwrap(client.POST("/api/v1/audit/metrics-token"));
    setAsking(false);
    setToken(created.token);
  });
  return (
    <>
      <Button variant="default" disabled={disabled} onClick={() => setAsking(true)} data-testid="metrics-token">
        {t.token}
      </Button>
      <Confirm opened={asking} title={t.tokenConfirmTitle} confirm={t.tokenConfirm} cancel={strings.cancel} pending={make.pending} onConfirm={() => void make.run()} onCancel={() => setAsking(false)}>
        <Text size="sm">{t.tokenConfirmText}</Text>
        {make.error && <Failure message={make.error.message} next={make.error.next} />}
      </Confirm>
      <Modal opened={token !== undefined} onClose={() => setToken(undefined)} title={t.tokenTitle} closeOnClickOutside={false} closeOnEscape={false} withCloseButton={false}>
        {token !== undefined && (
          <Stack>
            <Text size="sm">{t.tokenOnce}</Text>
            <SecretOnce secret={token} label={t.tokenLabel} copy={strings.copy} copied={strings.copied} copyFailed={strings.copyFailed} testId="metrics-secret" />
            <Button onClick={() => setToken(undefined)} data-testid="metrics-done">
              {t.tokenDone}
            </Button>
          </Stack>
        )}
      </Modal>
    </>
  );
}
