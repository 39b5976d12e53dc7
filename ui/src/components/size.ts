const UNITS = ["bytes", "KiB", "MiB", "GiB", "TiB"] as const;

/** `12.3 MiB`. */
export function size(bytes: number): string {
  let unit = 0;
  let amount = bytes;
  while (amount >= 1_024 && unit < UNITS.length - 1) {
    amount /= 1_024;
    unit += 1;
  }
  return `${unit === 0 || amount >= 100 ? Math.round(amount).toLocaleString("en") : amount.toFixed(1)} ${UNITS[unit]}`;
}
