import { Box, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef } from "react";

import { useGateway } from "../../api/gateway";
import { logsQuery } from "../../api/queries";
import type { LogLine } from "../../api/types";
import { UntrustedText } from "../../components/untrusted-text";
import { When } from "../../components/when";
import { strings } from "../../strings";

const t = strings.connections;
/** Below this distance from its end the list follows what comes. */
const AT_END_PX = 40;

/** What happened lately: what its server wrote, and what the gateway did. It follows while one looks at its end. */
export function Logs({ name }: { name: string }) {
  const { client } = useGateway();
  const lines = useQuery(logsQuery(client, name)).data;
  const box = useRef<HTMLOListElement>(null);
  const atEnd = useRef(true);
  const newest = lines?.at(-1)?.number;
  useEffect(() => {
    if (newest !== undefined && box.current !== null && atEnd.current) box.current.scrollTop = box.current.scrollHeight;
  }, [newest]);
  return (
    <section aria-label={t.logs}>
      <h3>{t.logs}</h3>
      {lines?.length === 0 && (
        <Text size="sm" c="dimmed">
          {t.noLogs}
        </Text>
      )}
      {lines !== undefined && lines.length > 0 && (
        <Box
          component="ol"
          className="logs"
          ref={box}
          tabIndex={0}
          aria-label={t.logs}
          data-testid="connection-logs"
          onScroll={({ currentTarget: list }) => {
            atEnd.current = list.scrollHeight - list.scrollTop - list.clientHeight < AT_END_PX;
          }}
        >
          {lines.map((line) => (
            <Line key={line.number} line={line} />
          ))}
        </Box>
      )}
    </section>
  );
}

function Line({ line }: { line: LogLine }) {
  return (
    <li data-source={line.source}>
      <span className="dim">
        <When at={line.at} as="time" />
      </span>
      <span className="dim">{t.sources[line.source]}</span>
      <span>
        <UntrustedText text={line.text} />
      </span>
    </li>
  );
}
