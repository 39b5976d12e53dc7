import { Progress, Text } from "@mantine/core";

import { Mark, type Tone } from "../../components/mark";
import { strings } from "../../strings";
import { useStrength } from "./use-strength";
import "./session.css";

const t = strings.setUp.strength;
const TONES: readonly Tone[] = ["deny", "deny", "wait", "allow", "allow"];
const COLORS = { deny: "var(--agw-deny)", wait: "var(--agw-wait)", allow: "var(--agw-allow)", neutral: "var(--agw-neutral)" };

/** How hard it is to guess: a word, a bar and a sentence. */
export function Strength({ password, known }: { password: string; known: readonly string[] }) {
  const score = useStrength(password, known);
  if (score === undefined) return null;
  const tone = TONES[score] ?? "neutral";
  return (
    <div className="strength" data-testid="strength" data-score={score}>
      <Progress value={(score + 1) * 20} size={4} color={COLORS[tone]} aria-label={t.label} />
      <div className="strength-words" role="status">
        <Mark tone={tone} icon={tone === "allow" ? "check" : "alert"} label={t.names[score] ?? ""} />
        <Text size="xs" c="dimmed">
          {t.sentences[score]}
        </Text>
      </div>
    </div>
  );
}
