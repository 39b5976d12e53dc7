import { SegmentedControl, useMantineColorScheme } from "@mantine/core";

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
      <dl className="facts settings-facts settings-controls">
        <dt id="appearance-colors">{t.colors}</dt>
        <dd>
          <SegmentedControl size="xs" aria-labelledby="appearance-colors" value={colorScheme} onChange={(value) => setColorScheme(SCHEMES.find((known) => known === value) ?? "auto")} data={SCHEMES.map((value) => ({ value, label: t.schemes[value] }))} data-testid="appearance-scheme" />
        </dd>
        <dt id="appearance-contrast">{t.contrast}</dt>
        <dd>
          <SegmentedControl size="xs" aria-labelledby="appearance-contrast" value={contrast.choice} onChange={(value) => contrast.choose(CONTRASTS.find((choice) => choice === value) ?? "auto")} data={CONTRASTS.map((value) => ({ value, label: t.contrasts[value] }))} data-testid="appearance-contrast" />
        </dd>
      </dl>
    </Section>
  );
}
