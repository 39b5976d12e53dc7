import { Button, Group, SegmentedControl, Text } from "@mantine/core";
import { useState } from "react";

import { unwrap } from "../../api/client";
import { useGateway } from "../../api/gateway";
import type { Change, Simulation } from "../../api/types";
import { useAction } from "../../api/use-action";
import { Icon } from "../../components/icons";
import { Failure } from "../../components/states";
import { ToolName } from "../../components/tool-name";
import { UntrustedText } from "../../components/untrusted-text";
import { When } from "../../components/when";
import { strings } from "../../strings";
import { VerdictMark } from "./grant-marks";

const t = strings.grants.simulation;
const PERIODS = ["1d", "7d", "30d"] as const;
type Period = (typeof PERIODS)[number];
const MOST_LINES = 50;

interface SimulationPanelProps {
  /** The change, put together when it is asked for; none while the form cannot be saved. */
  change: () => Promise<Change | undefined> | Change | undefined;
  /** Changes whenever the change would. */
  stamp: string;
}

/** What a change would have done to past calls, before it is saved. */
export function SimulationPanel({ change, stamp }: SimulationPanelProps) {
  const { client } = useGateway();
  const [since, setSince] = useState<Period>("7d");
  const [result, setResult] = useState<{ simulation: Simulation; of: string }>();
  const stampNow = `${since} ${stamp}`;
  const simulate = useAction(async () => {
    const proposed = await change();
    if (proposed === undefined) return;
    setResult({ simulation: await unwrap(client.POST("/api/v1/simulations", { body: { change: proposed, since } })), of: stampNow });
  });
  return (
    <section className="simulation" aria-label={t.title}>
      <Group justify="space-between" gap="xs">
        <h3>{t.title}</h3>
        <Group gap="xs">
          <Text size="xs" c="dimmed">
            {t.since}
          </Text>
          <SegmentedControl
            size="xs"
            aria-label={t.since}
            value={since}
            onChange={(value) => setSince(PERIODS.find((period) => period === value) ?? "7d")}
            data={PERIODS.map((value) => ({ value, label: t.periods[value] }))}
          />
          <Button size="xs" variant="default" leftSection={<Icon name="clock" size={14} />} loading={simulate.pending} onClick={() => void simulate.run()} data-testid="simulate">
            {t.try}
          </Button>
        </Group>
      </Group>
      {simulate.error && <Failure message={simulate.error.message} next={simulate.error.next} />}
      <div role="status">
        {result && result.of !== stampNow && (
          <Text size="xs" c="dimmed">
            {t.changed}
          </Text>
        )}
        {result && result.of === stampNow && <Outcome simulation={result.simulation} />}
      </div>
    </section>
  );
}

export function Outcome({ simulation }: { simulation: Simulation }) {
  const { calls, flipped, unknown, flips } = simulation;
  return (
    <div data-testid="simulation" data-flipped={flipped}>
      {calls === 0 && <p className="note">{t.noCalls}</p>}
      {calls > 0 && flipped === 0 && unknown === 0 && <p className="note">{t.none(calls)}</p>}
      {flipped > 0 && (
        <p className="note">
          <strong>{t.flips(flipped, calls)}</strong>, {t.by(simulation.users.length, simulation.tools.length)}.
        </p>
      )}
      {unknown > 0 && <p className="note">{t.unknown(unknown)}</p>}
      {simulation.truncated && <p className="note dim">{t.truncated}</p>}
      {flips.length > 0 && (
        <div className="table-scroll">
          <table className="plain-table">
            <thead>
              <tr>
                <th scope="col">{t.who}</th>
                <th scope="col">{t.tool}</th>
                <th scope="col">{t.change}</th>
                <th scope="col" className="number">
                  {t.calls}
                </th>
                <th scope="col">{t.last}</th>
              </tr>
            </thead>
            <tbody>
              {flips.slice(0, MOST_LINES).map((flip) => (
                <tr key={`${flip.user}/${flip.agent ?? ""} ${flip.tool} ${flip.before} ${flip.after}`}>
                  <td>
                    <UntrustedText text={flip.agent == null ? flip.user : `${flip.user} / ${flip.agent}`} />
                  </td>
                  <td>
                    <ToolName id={flip.tool} />
                  </td>
                  <td className="nowrap">
                    <VerdictMark verdict={flip.before} /> → <VerdictMark verdict={flip.after} />
                  </td>
                  <td className="number">{flip.calls.toLocaleString("en")}</td>
                  <td className="dim nowrap"><When at={flip.last_at} /></td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {flips.length > MOST_LINES && <p className="note dim">{t.more(flips.length - MOST_LINES)}</p>}
    </div>
  );
}
