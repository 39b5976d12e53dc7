import { Button, Text } from "@mantine/core";
import { useClipboard } from "@mantine/hooks";

import { strings } from "../strings";
import { Icon } from "./icons";

/** A text to be copied as a whole, such as a command. One click selects it, should copying be refused. */
export function CopyLine({ text, label, testId }: { text: string; label: string; testId: string }) {
  const clipboard = useClipboard({ timeout: 4_000 });
  return (
    <div className="copy-line">
      <output className="copy-text" aria-label={label} data-testid={testId}>
        {text}
      </output>
      <Button size="xs" variant="default" leftSection={<Icon name={clipboard.copied ? "check" : "copy"} size={14} />} onClick={() => clipboard.copy(text)} aria-label={`${strings.copy}: ${label}`} data-testid={`${testId}-copy`}>
        {clipboard.copied ? strings.copied : strings.copy}
      </Button>
      {clipboard.error && (
        <Text size="xs" c="red" role="alert">
          {strings.copyFailed}
        </Text>
      )}
    </div>
  );
}
