import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";

import { useGateway } from "../../api/gateway";
import { type ShownState, statusQuery } from "../../api/queries";
import { usePause } from "../../api/use-pause";
import { useIsAdmin } from "../../api/use-role";
import { useServiceState } from "../../api/use-service-state";
import { Icon, type IconName } from "../../components/icons";
import { Mark, type Tone } from "../../components/mark";
import { strings } from "../../strings";
import "./status.css";

const t = strings.state;

const MARKS: Record<ShownState, { tone: Tone; icon: IconName; label: string; meaning: string }> = {
  enforcing: { tone: "allow", icon: "shield", label: t.enforcing, meaning: t.enforcingMeaning },
  paused: { tone: "wait", icon: "pause", label: t.paused, meaning: t.pausedMeaning },
  sealed: { tone: "wait", icon: "lock", label: t.sealed, meaning: t.sealedMeaning },
  unconfigured: { tone: "neutral", icon: "dash", label: t.unconfigured, meaning: t.unconfiguredMeaning },
  unrecorded: { tone: "deny", icon: "alert", label: t.unrecorded, meaning: t.unrecordedMeaning },
  stopped: { tone: "deny", icon: "off", label: t.stopped, meaning: t.stoppedMeaning },
};

/** Whether calls are being enforced, in one line. */
export function StateLine() {
  const state = useServiceState();
  if (state === undefined) return null;
  const mark = MARKS[state];
  return (
    <div role="status" className="state-line">
      <span data-testid="state" data-state={state}>
        <Mark tone={mark.tone} icon={mark.icon} label={mark.label} filled />
      </span>
      <span className="dim state-meaning">{mark.meaning}</span>
    </div>
  );
}

/** Who and what is paused by themselves while the rest goes on. */
export function PausedParts() {
  const { client } = useGateway();
  const state = useServiceState();
  const parts = useQuery({ ...statusQuery(client), enabled: state === "enforcing" }).data?.paused ?? [];
  if (state !== "enforcing" || parts.length === 0) return null;
  return (
    <span className="paused-parts" title={t.pausedList(parts)} data-testid="paused-parts">
      <Mark tone="wait" icon="pause" label={t.pausedParts(parts)} />
    </span>
  );
}

/** The one switch that stops all agents, and lets them go on. */
export function PauseSwitch() {
  const state = useServiceState();
  const mayPause = useIsAdmin();
  const change = usePause();

  if (!mayPause || (state !== "enforcing" && state !== "paused")) return null;
  const to = state === "enforcing" ? "pause" : "resume";
  return (
    <div className="pause-switch">
      {change.error && (
        <span role="alert" className="dim" data-tone="deny">
          {change.error.message}
        </span>
      )}
      <Button
        size="xs"
        variant={to === "pause" ? "default" : "filled"}
        leftSection={<Icon name={to === "pause" ? "pause" : "play"} size={14} />}
        loading={change.pending}
        onClick={() => void change.run(to === "pause")}
        data-testid={to}
      >
        {to === "pause" ? t.pause : t.resume}
      </Button>
    </div>
  );
}
