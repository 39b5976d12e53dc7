import { times as t } from "../strings/times";

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const minutes = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const dayClock = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const exact = new Intl.DateTimeFormat(undefined, { year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3, hourCycle: "h23" });
const instant = new Intl.DateTimeFormat(undefined, { year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3, hourCycle: "h23", timeZoneName: "short" });
const day = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short", hourCycle: "h23" });

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const tenths = new Intl.NumberFormat("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 });

/** Local time of day of an RFC 3339 time; the text itself when it is not one. */
export function timeOfDay(rfc3339: string): string {
  const date = new Date(rfc3339);
  return Number.isNaN(date.getTime()) ? rfc3339 : clock.format(date);
}

/** `09:41`, from milliseconds since 1970. */
export function shortTime(at: number): string {
  return minutes.format(new Date(at));
}

export function dayAndTime(rfc3339: string): string {
  const date = new Date(rfc3339);
  return Number.isNaN(date.getTime()) ? rfc3339 : day.format(date);
}

/** Today the time of day, before that the day, too. */
export function dayOrTime(rfc3339: string, now: number): string {
  const date = new Date(rfc3339);
  if (Number.isNaN(date.getTime())) return rfc3339;
  return date.toDateString() === new Date(now).toDateString() ? clock.format(date) : dayClock.format(date);
}

/** Midnight before `now`, where the viewer is: it changes once a day, as what is drawn for it need not more often. */
export function startOfDay(now: number): number {
  return new Date(now).setHours(0, 0, 0, 0);
}

/** With milliseconds, as the trail has it, but local. */
export function exactTime(rfc3339: string): string {
  const date = new Date(rfc3339);
  return Number.isNaN(date.getTime()) ? rfc3339 : exact.format(date);
}

/** The whole instant: local, with its zone, and as it was sent. */
export function exactInstant(rfc3339: string): string {
  const date = new Date(rfc3339);
  return Number.isNaN(date.getTime()) ? rfc3339 : `${instant.format(date)} (${rfc3339})`;
}

/** How long ago, in the largest unit that fits: `12 s ago`. */
export function ago(rfc3339: string, now: number): string {
  const at = new Date(rfc3339).getTime();
  if (Number.isNaN(at)) return rfc3339;
  const seconds = Math.max(0, Math.floor((now - at) / 1_000));
  if (seconds < 60) return t.secondsAgo(seconds);
  if (seconds < 3_600) return t.minutesAgo(Math.floor(seconds / 60));
  if (seconds < 86_400) return t.hoursAgo(Math.floor(seconds / 3_600));
  return t.daysAgo(Math.floor(seconds / 86_400));
}

export function isPast(rfc3339: string, now: number): boolean {
  return new Date(rfc3339).getTime() <= now;
}

export function duration(ms: number): string {
  if (ms < 10) return t.milliseconds(tenths.format(ms));
  if (ms < 1_000) return t.milliseconds(whole.format(ms));
  return t.seconds((ms < 10_000 ? tenths : whole).format(ms / 1_000));
}

/** `1:05`, or `2 h 10 min` from an hour on; never below `0:00`. */
export function countdown(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1_000));
  if (seconds >= 3_600) return t.hoursMinutes(Math.floor(seconds / 3_600), Math.floor((seconds % 3_600) / 60));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}
