import { Alert, Button, Group, Loader, Stack, Text } from "@mantine/core";
import type { ReactNode } from "react";

import { Icon, type IconName } from "./icons";

export function Loading({ label }: { label: string }) {
  return (
    <Group role="status" gap="xs" p="md" justify="center">
      <Loader size="xs" />
      <Text c="dimmed" size="sm">
        {label}
      </Text>
    </Group>
  );
}

export function Empty({ icon, title, text, children }: { icon: IconName; title: string; text: string; children?: ReactNode }) {
  return (
    <Stack align="center" gap={6} p="xl" className="empty">
      <Icon name={icon} size={28} />
      <Text fw={600}>{title}</Text>
      <Text c="dimmed" size="sm" ta="center" maw={420}>
        {text}
      </Text>
      {children}
    </Stack>
  );
}

interface FailureProps {
  message: string;
  next: string;
  action?: { label: string; run: () => void };
}

/** What went wrong and what to do next. */
export function Failure({ message, next, action }: FailureProps) {
  return (
    <Alert color="red" variant="light" icon={<Icon name="alert" />} title={capitalized(message)} role="alert" className="notice" data-tone="deny">
      <Text size="sm">{capitalized(next)}</Text>
      {action && (
        <Button size="xs" variant="default" mt="xs" onClick={action.run}>
          {action.label}
        </Button>
      )}
    </Alert>
  );
}

/** The gateway's errors also stand behind “error: ” on a command line, in lower case. */
export function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
