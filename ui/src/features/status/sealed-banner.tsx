import { Alert, Button, Group, PasswordInput, Stack, Text } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { unwrap } from "../../api/client";
import { useGateway } from "../../api/gateway";
import { statusQuery } from "../../api/queries";
import type { Status } from "../../api/types";
import { useAction } from "../../api/use-action";
import { useServiceState } from "../../api/use-service-state";
import { Icon } from "../../components/icons";
import { Failure } from "../../components/states";
import { strings } from "../../strings";

const t = strings.sealed;

/** Shown for as long as the master key cannot be had: why, and the two ways out. */
export function SealedBanner() {
  const { client } = useGateway();
  const state = useServiceState();
  const status = useQuery(statusQuery(client));
  const [recovering, setRecovering] = useState(false);
  if (state !== "sealed") return null;

  const hasPassphrase = status.data?.master_key === "passphrase";
  return (
    <Alert variant="light" color="yellow" icon={<Icon name="lock" />} title={t.title} className="notice" data-tone="wait" data-testid="sealed">
      <Stack gap="sm">
        <Text size="sm">{status.data?.sealed_reason ?? t.noReason}</Text>
        {recovering ? <RecoverForm hasPassphrase={hasPassphrase} /> : <UnlockForm hasPassphrase={hasPassphrase} />}
        <Button size="xs" variant="subtle" w="fit-content" onClick={() => setRecovering(!recovering)} data-testid="sealed-other">
          {recovering ? t.toUnlock : t.toRecover}
        </Button>
      </Stack>
    </Alert>
  );
}

function UnlockForm({ hasPassphrase }: { hasPassphrase: boolean }) {
  const { client } = useGateway();
  const done = useUnsealed();
  const form = useForm({ initialValues: { passphrase: "" } });
  const unlock = useAction((passphrase: string) =>
    unwrap(client.POST("/api/v1/unlock", { body: passphrase === "" ? {} : { passphrase } })),
  );
  return (
    <form
      onSubmit={form.onSubmit(async ({ passphrase }) => {
        form.reset();
        done(await unlock.run(passphrase));
      })}
    >
      <Stack gap="xs">
        {unlock.error && <Failure message={unlock.error.message} next={unlock.error.next} />}
        <Group align="end">
          {hasPassphrase && (
            <PasswordInput
              label={t.passphrase}
              autoComplete="current-password"
              w={300}
              data-testid="unlock-passphrase"
              {...form.getInputProps("passphrase")}
            />
          )}
          <Button type="submit" loading={unlock.pending} data-testid="unlock-submit">
            {hasPassphrase ? t.unlock : t.askAgain}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

function RecoverForm({ hasPassphrase }: { hasPassphrase: boolean }) {
  const { client } = useGateway();
  const done = useUnsealed();
  const form = useForm({
    initialValues: { recoveryKey: "", passphrase: "" },
    validate: { recoveryKey: (value) => (value.trim() === "" ? t.recoveryKeyMissing : null) },
  });
  const recover = useAction((values: typeof form.values) =>
    unwrap(
      client.POST("/api/v1/recover", {
        body: { recovery_key: values.recoveryKey.trim(), ...(hasPassphrase ? { passphrase: values.passphrase } : {}) },
      }),
    ),
  );
  return (
    <form
      onSubmit={form.onSubmit(async (values) => {
        form.reset();
        done(await recover.run(values));
      })}
    >
      <Stack gap="xs">
        <Text size="sm">{t.recoverHint}</Text>
        {recover.error && <Failure message={recover.error.message} next={recover.error.next} />}
        <PasswordInput
          label={t.recoveryKey}
          autoComplete="off"
          maw={520}
          data-testid="recover-key"
          {...form.getInputProps("recoveryKey")}
        />
        {hasPassphrase && (
          <PasswordInput
            label={t.newPassphrase}
            autoComplete="new-password"
            maw={520}
            data-testid="recover-passphrase"
            {...form.getInputProps("passphrase")}
          />
        )}
        <Button type="submit" w="fit-content" loading={recover.pending} data-testid="recover-submit">
          {t.recover}
        </Button>
      </Stack>
    </form>
  );
}

function useUnsealed(): (status: Status | undefined) => void {
  const queries = useQueryClient();
  return (status) => {
    if (status !== undefined) void queries.invalidateQueries();
  };
}
