import { Button, Group, Stack, Text, TextInput } from "@mantine/core";
import { useEffect, useState } from "react";
import { createPortal } from "react-dom";

import { Icon } from "../../components/icons";
import { SecretOnce } from "../../components/secret-once";
import { strings } from "../../strings";
import "./session.css";

const t = strings.recoveryKey;

/** Shown this one time; it is kept in this component's memory and nowhere else. */
export function RecoveryKey({ recoveryKey, user, onContinue }: { recoveryKey: string; user: string; onContinue: () => void }) {
  const groups = recoveryKey.split("-");
  const [today] = useState(() => new Date().toLocaleDateString());
  const [asked] = useState(() => twoOf(groups.length));
  const [typed, setTyped] = useState<Record<number, string>>({});
  const [tried, setTried] = useState(false);
  const right = (index: number) => normal(typed[index] ?? "") === normal(groups[index] ?? "");

  useEffect(() => {
    const warn = (event: BeforeUnloadEvent) => event.preventDefault();
    window.addEventListener("beforeunload", warn);
    return () => window.removeEventListener("beforeunload", warn);
  }, []);

  return (
    <form
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        setTried(true);
        if (asked.every(right)) onContinue();
      }}
    >
      <Stack>
        <Text size="sm">{t.intro}</Text>
        <SecretOnce secret={recoveryKey} label={t.label} copy={strings.copy} copied={strings.copied} copyFailed={strings.copyFailed} testId="recovery-key">
          <Button variant="default" size="xs" leftSection={<Icon name="page" />} onClick={() => window.print()} data-testid="recovery-print">
            {t.print}
          </Button>
        </SecretOnce>
        <div>
          <Text size="sm" fw={550} mb={6}>
            {t.confirm}
          </Text>
          <Group grow align="start">
            {asked.map((index) => (
              <TextInput
                key={index}
                label={t.group(index + 1, groups.length)}
                className="mono"
                autoComplete="off"
                spellCheck={false}
                value={typed[index] ?? ""}
                error={tried && !right(index) ? t.wrong : null}
                onChange={({ currentTarget }) => setTyped((now) => ({ ...now, [index]: currentTarget.value }))}
                data-testid="recovery-group"
                data-group={index}
              />
            ))}
          </Group>
        </div>
        <Button type="submit" data-testid="recovery-continue">
          {t.continue}
        </Button>
      </Stack>
      <Printed recoveryKey={recoveryKey} text={t.printText(user, today)} />
    </form>
  );
}

/** The page for the printer: beside the application, so that it can be alone on paper. */
function Printed({ recoveryKey, text }: { recoveryKey: string; text: string }) {
  return createPortal(
    <section className="printed" aria-hidden="true">
      <h1>{t.printTitle}</h1>
      <p className="printed-key">{recoveryKey}</p>
      <p>{text}</p>
    </section>,
    document.body,
  );
}

/** Two different ones of so many, in order. */
function twoOf(count: number): number[] {
  const [first = 0, second = 0] = crypto.getRandomValues(new Uint32Array(2));
  if (count < 2) return [0];
  const one = first % count;
  const other = (one + 1 + (second % (count - 1))) % count;
  return [one, other].toSorted((a, b) => a - b);
}

/** Case and space do not matter, as they do not to the gateway. */
function normal(text: string): string {
  return text.replace(/[\s-]/g, "").toUpperCase();
}
