import { Button, Group, Stack, Text } from "@mantine/core";
import { useClipboard } from "@mantine/hooks";
import type { ReactNode } from "react";

import { Icon } from "./icons";

interface SecretOnceProps {
  secret: string;
  label: string;
  copy: string;
  copied: string;
  copyFailed: string;
  testId: string;
  /** What else can be done with it. */
  children?: ReactNode;
}

/** A secret that is shown this one time. One click selects all of it, should copying be refused. */
export function SecretOnce({ secret, label, copy, copied, copyFailed, testId, children }: SecretOnceProps) {
  const clipboard = useClipboard({ timeout: 4_000 });
  return (
    <Stack gap="xs">
      <output className="secret" aria-label={label} data-testid={testId}>
        {secret}
      </output>
      <Group gap="sm">
        <Button variant="default" size="xs" leftSection={<Icon name={clipboard.copied ? "check" : "copy"} />} onClick={() => clipboard.copy(secret)}>
          {clipboard.copied ? copied : copy}
        </Button>
        {children}
        <Text size="xs" c="red" role="status">
          {clipboard.error ? copyFailed : ""}
        </Text>
      </Group>
    </Stack>
  );
}
