import { Button, Stack, Text } from "@mantine/core";

import { Icon } from "../../components/icons";
import { strings } from "../../strings";
import "./session.css";

const t = strings.welcome;

/** What this is, before anything is asked. */
export function Welcome({ onBegin }: { onBegin: () => void }) {
  return (
    <Stack>
      <Text size="sm">{t.intro}</Text>
      <ul className="welcome-points">
        {t.points.map((point) => (
          <li key={point}>
            <Icon name="check" />
            <span>{point}</span>
          </li>
        ))}
      </ul>
      <Button onClick={onBegin} data-autofocus autoFocus data-testid="welcome-begin">
        {t.begin}
      </Button>
      <Text size="xs" c="dimmed" ta="center">
        {t.time}
      </Text>
    </Stack>
  );
}
