import { Button } from "@mantine/core";

import { Icon } from "./icons";

interface PauseButtonProps {
  paused: boolean;
  pending: boolean;
  disabled: boolean;
  label: string;
  /** Names what is paused, for those who cannot see where the button stands. */
  description: string;
  small?: boolean;
  testId?: string;
  onToggle: () => void;
}

export function PauseButton({ paused, pending, disabled, label, description, small = false, testId, onToggle }: PauseButtonProps) {
  return (
    <Button
      size={small ? "compact-xs" : "xs"}
      variant={small ? "subtle" : "default"}
      leftSection={<Icon name={paused ? "play" : "pause"} size={small ? 12 : 14} />}
      loading={pending}
      disabled={disabled}
      aria-label={description}
      onClick={onToggle}
      data-testid={testId}
    >
      {label}
    </Button>
  );
}
