import { Button } from "@mantine/core";

import { Icon } from "../../components/icons";
import { strings } from "../../strings";

interface DenyButtonProps {
  disabled: boolean;
  loading: boolean;
  onDeny: () => void;
  testId: string;
}

export function DenyButton({ disabled, loading, onDeny, testId }: DenyButtonProps) {
  return (
    <Button variant="light" color="red" className="tone-button" data-tone="deny" leftSection={<Icon name="cross" size={14} />} disabled={disabled} loading={loading} onClick={onDeny} data-testid={testId}>
      {strings.approvals.deny}
    </Button>
  );
}
