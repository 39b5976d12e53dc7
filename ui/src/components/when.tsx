import { ago, dayAndTime, dayOrTime, exactInstant, exactTime, timeOfDay } from "./time";

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

/** `12 s ago`, counting on. `now` is of the page, so that a list needs no clock each. */
export function Ago({ at, now }: { at: string; now: number }) {
  return (
    <time dateTime={at} title={exactInstant(at)}>
      {ago(at, now)}
    </time>
  );
}

/** Today the time, before that the day, too. `now` is of the list, so that a thousand rows need no clock each. */
export function WhenInList({ at, now }: { at: string; now: number }) {
  return (
    <time dateTime={at} title={exactInstant(at)}>
      {dayOrTime(at, now)}
    </time>
  );
}
