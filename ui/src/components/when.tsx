import { dayAndTime, exactInstant, exactTime, timeOfDay } from "./time";

type As = "time" | "day" | "exact";

const FORMATS: Record<As, (rfc3339: string) => string> = { time: timeOfDay, day: dayAndTime, exact: exactTime };

/** An instant in the viewer's zone; the whole of it, with the zone, on hover. */
export function When({ at, as = "day" }: { at: string; as?: As }) {
  return (
    <time dateTime={at} title={exactInstant(at)}>
      {FORMATS[as](at)}
    </time>
  );
}
