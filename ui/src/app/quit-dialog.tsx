import { Button, Group, Modal, Stack, Text } from "@mantine/core";
import { useEffect, useState } from "react";

import { useAction } from "../api/use-action";
import type { Shell } from "../host";
import { Failure } from "../components/states";
import { strings } from "../strings";

const t = strings.quit;

/** The tray's Quit: the gateway outlives the window, so the person is asked. */
export function QuitDialog({ shell }: { shell: Shell }) {
  const [opened, setOpened] = useState(false);
  const [stopping, setStopping] = useState(false);
  const quit = useAction((stop: boolean) => {
    setStopping(stop);
    return shell.quit(stop);
  });
  useEffect(() => shell.onAskQuit(() => setOpened(true)), [shell]);

  return (
    <Modal opened={opened} onClose={() => setOpened(false)} title={t.title} centered withCloseButton={false} size="lg" zIndex={1_000}>
      <Stack>
        <Text size="sm">{t.text}</Text>
        {quit.error && <Failure message={quit.error.message} next={quit.error.next} />}
        <Group justify="flex-end">
          <Button variant="subtle" onClick={() => setOpened(false)} data-testid="quit-cancel">
            {strings.cancel}
          </Button>
          <Button color="red" variant="light" className="tone-button" data-tone="deny" loading={quit.pending && stopping} onClick={() => void quit.run(true)} data-testid="quit-stop">
            {t.stop}
          </Button>
          <Button data-autofocus loading={quit.pending && !stopping} onClick={() => void quit.run(false)} data-testid="quit-leave">
            {t.leave}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
