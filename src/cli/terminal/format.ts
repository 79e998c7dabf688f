// Numbers as people read them.
const counts = new Intl.NumberFormat("en");
const tenths = new Intl.NumberFormat("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 });

const UNITS = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"] as const;
const sizes = UNITS.map(
  (unit) =>
    new Intl.NumberFormat("en", { style: "unit", unit, unitDisplay: "short", maximumFractionDigits: 1 }),
);

/** 151203 is `151,203`. */
export function formatCount(count: number): string {
  return counts.format(Math.round(count));
}

/** Decimal units: 21340000 is `21.3 MB`. */
export function formatBytes(sizeBytes: number): string {
  const power = sizeBytes < 1 ? 0 : Math.min(Math.floor(Math.log10(sizeBytes) / 3), UNITS.length - 1);
  return sizes[power]?.format(sizeBytes / 1000 ** power) ?? `${sizeBytes}`;
}

/** A time that has passed: `0.8 s`, `12.4 s`, `3:04`, `1:02:03`. */
export function formatDuration(durationMs: number): string {
  return durationMs < 60_000 ? `${tenths.format(durationMs / 1000)} s` : formatClock(durationMs / 1000);
}

/** A time to come, to the second: `0:04`, `3:04`, `1:02:03`. */
export function formatClock(durationSeconds: number): string {
  const total = Math.round(durationSeconds);
  const [hours, minutes, seconds] = [Math.floor(total / 3600), Math.floor(total / 60) % 60, total % 60];
  return hours > 0 ? `${hours}:${pad(minutes)}:${pad(seconds)}` : `${minutes}:${pad(seconds)}`;
}

function pad(value: number): string {
  return String(value).padStart(2, "0");
}

/** A time of the API's, to the second: `2026-11-22 09:15:02Z`. */
export function formatTime(time: string): string {
  return new Date(time).toISOString().replace("T", " ").replace(/\.\d+/, "");
}

/** 3 and `row` is `3 rows`. */
export function formatQuantity(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}
