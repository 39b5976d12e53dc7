import { Alert, Button, Text } from "@mantine/core";

import { Icon } from "../../components/icons";
import { strings } from "../../strings";

const t = strings.clients;

/** Said of what leads to an address that other machines do not reach. */
export function OnlyHere({ text, sharingHref }: { text: string; sharingHref: string | undefined }) {
  return (
    <Alert variant="light" icon={<Icon name="alert" />} className="notice" data-tone="wait" role="status" data-testid="only-here">
      <Text size="sm">{text}</Text>
      {sharingHref !== undefined && (
        <Button component="a" href={sharingHref} size="xs" variant="default" mt="xs">
          {t.letIn}
        </Button>
      )}
    </Alert>
  );
}
