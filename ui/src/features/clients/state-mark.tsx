import type { FoundClient } from "../../api/types";
import { Mark, type Tone } from "../../components/mark";
import { strings } from "../../strings";

const t = strings.clients;

const MARKS: Record<FoundClient["state"], { tone: Tone; icon: "check" | "dash" | "alert" }> = {
  absent: { tone: "neutral", icon: "dash" },
  found: { tone: "neutral", icon: "dash" },
  wired: { tone: "allow", icon: "check" },
  elsewhere: { tone: "wait", icon: "alert" },
  malformed: { tone: "deny", icon: "alert" },
};

export function StateMark({ client }: { client: FoundClient }) {
  const broken = client.findings.some((finding) => finding.level === "problem");
  const mark = broken ? { tone: "deny" as const, icon: "alert" as const } : MARKS[client.state];
  return <Mark {...mark} label={broken && client.state === "wired" ? t.broken : t.states[client.state]} />;
}
