import { plural } from "./words";

/** Words of times, durations and sizes. */
export const times = {
  secondsAgo: (count: number) => `${count} s ago`,
  minutesAgo: (count: number) => `${count} min ago`,
  hoursAgo: (count: number) => `${count} h ago`,
  daysAgo: (count: number) => `${plural(count, "day", "days")} ago`,
  milliseconds: (amount: string) => `${amount} ms`,
  seconds: (amount: string) => `${amount} s`,
  hoursMinutes: (hours: number, minutes: number) => `${hours} h ${minutes} min`,
  sizes: ["bytes", "KiB", "MiB", "GiB", "TiB"],
} as const;
