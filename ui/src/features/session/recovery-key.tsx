import { Button, Checkbox, Stack, Text } from "@mantine/core";
import { useEffect, useState } from "react";

import { SecretOnce } from "../../components/secret-once";
import { strings } from "../../strings";

const t = strings.recoveryKey;

export function RecoveryKey({ recoveryKey, onContinue }: { recoveryKey: string; onContinue: () => void }) {
  const [stored, setStored] = useState(false);

  useEffect(() => {
    const warn = (event: BeforeUnloadEvent) => event.preventDefault();
    window.addEventListener("beforeunload", warn);
    return () => window.removeEventListener("beforeunload", warn);
  }, []);

  return (
    <Stack>
      <Text size="sm">{t.intro}</Text>
      <SecretOnce secret={recoveryKey} label={t.label} copy={strings.copy} copied={strings.copied} copyFailed={strings.copyFailed} testId="recovery-key" />
      <Checkbox label={t.stored} checked={stored} onChange={(event) => setStored(event.currentTarget.checked)} data-testid="recovery-stored" />
      <Button disabled={!stored} onClick={onContinue} data-testid="recovery-continue">
        {t.continue}
      </Button>
    </Stack>
  );
}
