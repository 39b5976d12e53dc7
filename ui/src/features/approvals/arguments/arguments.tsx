import { Button, Code, Group, Text } from "@mantine/core";
import { useMemo, useState } from "react";

import { strings } from "../../../strings";
import { parseJson } from "../../../components/json/json";
import { LongText } from "../../../components/long-text";
import { present } from "./present";
import { Readable } from "./readable";

const t = strings.approvals;

/** The arguments of a call: as a person reads them, or exactly as they were sent. */
export function Arguments({ args, digest }: { args: string; digest: string }) {
  const [exact, setExact] = useState(false);
  const parsed = useMemo(() => parseJson(args), [args]);
  const presented = useMemo(() => parsed && present(parsed), [parsed]);
  return (
    <section className="arguments">
      <Group justify="space-between" gap="xs">
        <h3>{t.arguments}</h3>
        {presented && (
          <Button size="compact-xs" variant="subtle" aria-pressed={exact} onClick={() => setExact(!exact)} data-testid="approval-exact">
            {exact ? t.showReadable : t.showExact}
          </Button>
        )}
      </Group>
      {presented === undefined && (
        <Text size="xs" c="dimmed">
          {t.unreadable}
        </Text>
      )}
      {exact || presented === undefined ? (
        <>
          <Code block data-testid="approval-args">
            <LongText text={args} />
          </Code>
          <Text size="xs" c="dimmed" className="digest">
            {t.digest} {digest}
          </Text>
        </>
      ) : (
        <Readable presented={presented} />
      )}
    </section>
  );
}
