import { times } from "../strings/times";

const UNITS = times.sizes;
const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

/** `12.3 MiB`. */
export function size(bytes: number): string {
  let unit = 0;
  let amount = bytes;
  while (amount >= 1_024 && unit < UNITS.length - 1) {
    amount /= 1_024;
    unit += 1;
  }
  return `${unit === 0 || amount >= 100 ? whole.format(amount) : amount.toFixed(1)} ${UNITS[unit]}`;
}
