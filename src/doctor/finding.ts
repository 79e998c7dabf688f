// What the doctor finds: that something is as it should be, that it is doubtful, or that it will fail.
import { isHoldfastError } from "../core/errors.ts";

export interface Finding {
  /** What was looked at: `database app`. */
  readonly area: string;
  readonly level: "OK" | "WARNING" | "FAULT";
  /** A sentence without a full stop. */
  readonly message: string;
  /** What to do about it, in words. */
  readonly hint?: string;
  /** What to run, each as it can be pasted: SQL with its semicolon, or a command. */
  readonly mend: readonly string[];
}

export type Check = (signal: AbortSignal) => Promise<Finding[]>;

export const ok = (area: string, message: string): Finding => ({ area, level: "OK", message, mend: [] });

export const warning = (area: string, message: string, ...mend: string[]): Finding => ({
  area,
  level: "WARNING",
  message,
  mend,
});

export const fault = (area: string, message: string, ...mend: string[]): Finding => ({
  area,
  level: "FAULT",
  message,
  mend,
});

/** Whoever does not answer in this time is not there. */
const PATIENCE_MS = 30_000;

/** Runs a check; what it throws is a fault of its area. @throws the signal's reason */
export async function examineArea(area: string, check: Check, signal: AbortSignal): Promise<Finding[]> {
  const timeout = AbortSignal.timeout(PATIENCE_MS);
  try {
    return await check(AbortSignal.any([signal, timeout]));
  } catch (error) {
    signal.throwIfAborted();
    if (timeout.aborted) return [fault(area, `there was no answer within ${PATIENCE_MS / 1000} s`)];
    if (isHoldfastError(error)) return [{ ...fault(area, withoutStop(error.message)), hint: error.hint }];
    return [fault(area, error instanceof Error ? withoutStop(error.message) : String(error))];
  }
}

const withoutStop = (sentence: string): string => sentence.replace(/\.$/, "");
