// Numbers, sizes and times as people read them, in the browser's own language of numbers and its own time zone.
const numbers = new Intl.NumberFormat("en");
const UNITS = ["B", "kB", "MB", "GB", "TB", "PB"];

export function formatCount(value: number): string {
  return numbers.format(value);
}

/** "1 row", "2,000 rows". */
export function formatRows(rows: number): string {
  return `${formatCount(rows)} ${rows === 1 ? "row" : "rows"}`;
}

/** In powers of a thousand, three digits: "12.3 MB". */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${value.toFixed(digits)} ${UNITS[unit]}`;
}

/** "0.4 s", "12 s", "3 min 20 s", "2 h 5 min", "3 d 4 h". */
export function formatDuration(durationMs: number): string {
  const seconds = durationMs / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${whole % 60} s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** "1,200 rows/s"; a dash where it is not known. */
export function formatRate(rowsPerSecond: number | null): string {
  return rowsPerSecond === null ? "–" : `${formatCount(Math.round(rowsPerSecond))} rows/s`;
}

/** The time that is left; a dash where it is not known. */
export function formatLeft(seconds: number | null): string {
  return seconds === null ? "–" : formatDuration(seconds * 1000);
}

/** A span between two times in its largest unit: "24 h", "7 d". */
export function formatSpan(spanMs: number): string {
  const hours = spanMs / 3_600_000;
  if (hours < 1) return `${Math.round(hours * 60)} min`;
  return hours <= 48 ? `${Math.round(hours)} h` : `${Math.round(hours / 24)} d`;
}

/** "just now", "4 min ago", "3 h ago", "2 d ago"; "in 5 min" for what is to come. */
export function formatAge(at: Date, now: Date): string {
  const seconds = Math.round(Math.abs(now.getTime() - at.getTime()) / 1000);
  const isPast = at <= now;
  if (seconds < 45) return isPast ? "just now" : "in a moment";
  const [amount, unit] =
    seconds < 3600
      ? [Math.round(seconds / 60), "min"]
      : seconds < 48 * 3600
        ? [Math.round(seconds / 3600), "h"]
        : [Math.round(seconds / 86_400), "d"];
  return isPast ? `${amount} ${unit} ago` : `in ${amount} ${unit}`;
}

const moments = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short" });
const exactly = new Intl.DateTimeFormat("en-GB", { dateStyle: "full", timeStyle: "long" });

export function formatMoment(at: Date): string {
  return moments.format(at);
}

export function formatExactly(at: Date): string {
  return exactly.format(at);
}

/** `LOG_ENTRIES` as "Log entries": for names of enums that have no label of their own. */
export function humanise(name: string): string {
  const words = name.toLowerCase().replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** "a", "a and b", "a, b and c". */
export function listOf(parts: readonly string[]): string {
  return new Intl.ListFormat("en-GB").format(parts);
}
