import { Alert, Button, Group, Text } from "@mantine/core";
import { useState } from "react";

import { recoveryMark } from "../../api/recovery-mark";
import { useIsAdmin } from "../../api/use-role";
import { Icon } from "../../components/icons";
import { strings } from "../../strings";

const t = strings.recoveryKey.unconfirmed;

/** After a reload in the middle of set-up: the key is gone, and a new one can be made. */
export function UnconfirmedKey({ keychainHref }: { keychainHref: string }) {
  const isAdmin = useIsAdmin();
  const [open, setOpen] = useState(recoveryMark.isSet);
  if (!isAdmin || !open) return null;
  const stored = () => {
    recoveryMark.clear();
    setOpen(false);
  };
  return (
    <Alert variant="light" color="yellow" icon={<Icon name="key" />} title={t.title} role="status" className="notice" data-tone="wait" data-testid="key-unconfirmed">
      <Text size="sm" mb="xs">
        {t.text}
      </Text>
      <Group gap="xs">
        <Button size="xs" component="a" href={keychainHref} data-testid="key-make">
          {t.make}
        </Button>
        <Button size="xs" variant="default" onClick={stored} data-testid="key-stored">
          {strings.recoveryKey.continue}
        </Button>
      </Group>
    </Alert>
  );
}
