// Whether a backup is far from those before it. Pure.

/** What a schedule's backups are compared by. */
export interface BackupMeasure {
  /** Of the artifact. */
  readonly sizeBytes: number;
  readonly durationMs: number;
}

/** Fewer say nothing of what is usual. */
const LEAST_EARLIER = 5;
/** So many times as much, or as little, is worth a look. */
const FACTOR = 3;
/** Differences below these are nothing, however many times they are. */
const LEAST_SIZE_DIFFERENCE_BYTES = 1024 * 1024;
const LEAST_DURATION_DIFFERENCE_MS = 60_000;

export interface Unusual {
  readonly what: "size" | "duration";
  readonly found: number;
  /** The median of the earlier ones. */
  readonly usual: number;
}

/**
 * What is far from usual; nothing while there are too few to tell. A backup that is quick is nothing to worry about, one
 * that is small may be.
 * @param earlier of the same schedule, in any order
 */
export function findUnusual(measure: BackupMeasure, earlier: readonly BackupMeasure[]): Unusual[] {
  if (earlier.length < LEAST_EARLIER) return [];
  const usualSize = median(earlier.map(({ sizeBytes }) => sizeBytes));
  const usualDuration = median(earlier.map(({ durationMs }) => durationMs));
  const { sizeBytes, durationMs } = measure;
  const found: Unusual[] = [];
  const isFar = sizeBytes > FACTOR * usualSize || FACTOR * sizeBytes < usualSize;
  if (isFar && Math.abs(sizeBytes - usualSize) >= LEAST_SIZE_DIFFERENCE_BYTES)
    found.push({ what: "size", found: sizeBytes, usual: usualSize });
  if (durationMs > FACTOR * usualDuration && durationMs - usualDuration >= LEAST_DURATION_DIFFERENCE_MS)
    found.push({ what: "duration", found: durationMs, usual: usualDuration });
  return found;
}

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const [low = 0, high = low] = sorted.slice(sorted.length % 2 === 0 ? middle - 1 : middle, middle + 1);
  return (low + high) / 2;
}
