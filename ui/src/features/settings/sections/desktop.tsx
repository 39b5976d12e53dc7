import { SegmentedControl, Stack, Switch, Text } from "@mantine/core";
import { useEffect, useState } from "react";

import { useGateway } from "../../../api/gateway";
import type { Preferences, ShellPreferences } from "../../../api/types";
import { useAction } from "../../../api/use-action";
import { Failure, Loading } from "../../../components/states";
import { strings } from "../../../strings";
import { Section } from "../../../components/section";

const t = strings.settings.desktop;
const PROMPTS = ["auto", "always", "never"] as const;

/** What the desktop app does on this machine by itself; nothing of it unless chosen. */
export function DesktopSection() {
  const preferences = useGateway().host.shell?.preferences;
  if (preferences === undefined) return <Section title={t.title} text={t.browser} />;
  return <Form preferences={preferences} />;
}

function Form({ preferences }: { preferences: ShellPreferences }) {
  const [chosen, setChosen] = useState<Preferences>();
  const read = useAction(async () => setChosen(await preferences.get()));
  // As the machine has it after the change, not as it was wished.
  const change = useAction(async (part: Partial<Preferences>) => {
    try {
      await preferences.set(part);
    } finally {
      setChosen(await preferences.get());
    }
  });
  const { run } = read;
  // oxlint-disable-next-line react/exhaustive-deps -- once, when it is opened
  useEffect(() => void run(), []);
  const error = change.error ?? read.error;
  return (
    <Section title={t.title} text={t.text}>
      {error && <Failure message={error.message} next={error.next} action={{ label: strings.retry, run: () => void run() }} />}
      {chosen === undefined && !error && <Loading label={strings.loading} />}
      {chosen && (
        <Stack gap="md" align="flex-start">
          <Switch label={t.notifications} description={t.notificationsText} checked={chosen.notifications} disabled={change.pending} onChange={(event) => void change.run({ notifications: event.currentTarget.checked })} data-testid="desktop-notifications" />
          <div>
            <Text size="sm" fw={500} mb={4}>
              {t.prompt}
            </Text>
            <SegmentedControl aria-label={t.prompt} disabled={change.pending} value={chosen.promptWindow} onChange={(value) => void change.run({ promptWindow: PROMPTS.find((known) => known === value) ?? "auto" })} data={PROMPTS.map((value) => ({ value, label: t.prompts[value] }))} data-testid="desktop-prompt" />
            <Text size="xs" c="dimmed" mt={4}>
              {t.promptText[chosen.promptWindow]}
            </Text>
          </div>
          <Switch label={t.autostart} description={t.autostartText} checked={chosen.autostart} disabled={change.pending} onChange={(event) => void change.run({ autostart: event.currentTarget.checked })} data-testid="desktop-autostart" />
        </Stack>
      )}
    </Section>
  );
}
