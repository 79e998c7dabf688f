// Runs whose acts only pretend: each label says how long the act takes and how it ends.
import { setTimeout as delay } from "node:timers/promises";
import { HoldfastError, type ErrorCode } from "../../src/core/errors.ts";
import { NO_PROGRESS, type RunControl } from "../../src/core/run.ts";

export interface Pretence {
  readonly steps: number;
  readonly stepMs: number;
  /** In this attempt it goes on after the steps, until somebody stops it. */
  readonly endlessIn?: number;
  /** What is thrown after the steps, in attempts up to the one given. */
  readonly fails?: { readonly code: ErrorCode | "none of the catalogue"; readonly untilAttempt: number };
}

export const label = (pretence: Pretence): string => JSON.stringify(pretence);

/** Stops when it is told to, as every act does. */
export async function pretend(text: string | null, attempt: number, control: RunControl): Promise<void> {
  const { steps, stepMs, endlessIn, fails }: Pretence = JSON.parse(text ?? "{}");
  for (let step = 1; step <= steps; step++) {
    await delay(stepMs, undefined, { signal: control.signal });
    control.onProgress({ ...NO_PROGRESS, phase: "copying", rows: step, percent: (90 * step) / steps });
  }
  if (attempt === endlessIn) await delay(3_600_000, undefined, { signal: control.signal });
  if (fails === undefined || attempt > fails.untilAttempt) return;
  if (fails.code === "none of the catalogue") throw new TypeError("the hunter2 of all errors");
  throw new HoldfastError(fails.code, "pretended");
}
