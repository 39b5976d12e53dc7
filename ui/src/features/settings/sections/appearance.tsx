import { SegmentedControl, Stack, Switch, useMantineColorScheme } from "@mantine/core";
import { useState } from "react";

import { contrast, keepContrast } from "../../../components/contrast";
import { strings } from "../../../strings";
import { Section } from "../section";

const t = strings.settings.appearance;
const SCHEMES = ["auto", "light", "dark"] as const;

/** How it looks on this machine. */
export function Appearance() {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const [chosen, setChosen] = useState(contrast);
  return (
    <Section title={t.title} text={t.text}>
      <Stack gap="md" align="flex-start">
        <SegmentedControl aria-label={t.colors} value={colorScheme} onChange={(value) => setColorScheme(SCHEMES.find((known) => known === value) ?? "auto")} data={SCHEMES.map((value) => ({ value, label: t.schemes[value] }))} data-testid="appearance-scheme" />
        <Switch
          label={t.contrast}
          description={t.contrastText}
          checked={chosen === "more"}
          onChange={(event) => {
            const next = event.currentTarget.checked ? "more" : "system";
            keepContrast(next);
            setChosen(next);
          }}
          data-testid="appearance-contrast"
        />
      </Stack>
    </Section>
  );
}
