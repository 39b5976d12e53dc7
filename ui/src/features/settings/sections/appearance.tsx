import { SegmentedControl, Stack, useMantineColorScheme } from "@mantine/core";

import { CONTRASTS, useContrast } from "../../../components/appearance";
import { strings } from "../../../strings";
import { Section } from "../../../components/section";

const t = strings.settings.appearance;
const SCHEMES = ["auto", "light", "dark"] as const;

/** How it looks on this machine. */
export function Appearance() {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const contrast = useContrast();
  return (
    <Section title={t.title} text={t.text}>
      <Stack gap="md" align="flex-start">
        <SegmentedControl aria-label={t.colors} value={colorScheme} onChange={(value) => setColorScheme(SCHEMES.find((known) => known === value) ?? "auto")} data={SCHEMES.map((value) => ({ value, label: t.schemes[value] }))} data-testid="appearance-scheme" />
        <SegmentedControl aria-label={t.contrast} value={contrast.choice} onChange={(value) => contrast.choose(CONTRASTS.find((choice) => choice === value) ?? "auto")} data={CONTRASTS.map((value) => ({ value, label: strings.shell.contrasts[value] }))} data-testid="appearance-contrast" />
      </Stack>
    </Section>
  );
}
