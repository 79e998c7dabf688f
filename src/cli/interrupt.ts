// Ctrl-C and its relatives: the first asks the command to stop, the second ends the process whatever it is doing.
import { once } from "node:events";
import { constants } from "node:os";
import { HoldfastError } from "../core/errors.ts";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
type Signal = (typeof SIGNALS)[number];

export interface Interrupts {
  readonly signal: AbortSignal;
  /** What the process ends with (130 after Ctrl-C); undefined as long as nothing has interrupted it. */
  readonly exitCode: number | undefined;
  /** Gives the signals back to the system's own ways. */
  close(): void;
}

/** One controller for one command. */
export function listenForInterrupts(): Interrupts {
  const controller = new AbortController();
  let exitCode: number | undefined;

  const onSignal = (signal: Signal): void => {
    if (exitCode === undefined) {
      exitCode = 128 + constants.signals[signal];
      if (process.stderr.isTTY) process.stderr.write("\nStopping; press Ctrl-C again to stop at once.\n");
      controller.abort(new HoldfastError("CANCELLED", "Interrupted."));
      return;
    }
    // With nobody listening, the signal ends the process as the system means it to, and the shell is told so.
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);

  return {
    signal: controller.signal,
    get exitCode() {
      return exitCode;
    },
    close() {
      for (const signal of SIGNALS) process.off(signal, onSignal);
    },
  };
}

/** What becomes of a process that runs until it is told to stop. */
export interface LongRun {
  /** For the parts that tell when they are lost: the run then ends with that error. */
  readonly onLost: (error: HoldfastError) => void;
  /** Resolves at the interrupt: to stop is what was asked for, and no failure. @throws the error of what was lost */
  readonly ended: () => Promise<void>;
}

export function runUntil(interrupt: AbortSignal): LongRun {
  const lost = new AbortController();
  return {
    onLost: (error) => lost.abort(error),
    ended: async () => {
      const either = AbortSignal.any([interrupt, lost.signal]);
      if (!either.aborted) await once(either, "abort");
      lost.signal.throwIfAborted();
    },
  };
}
