// One attempt at a run, while it lasts: what the act is given, and what stops it.
import type { Logger } from "pino";
import { openSecret, type SecretKey } from "../src/codec/seal.ts";
import { HoldfastError, type ErrorCode } from "../src/core/errors.ts";
import type { Progress, RunControl } from "../src/core/run.ts";
import type { Claim } from "../src/ledger/attempts.ts";
import type { Ledger } from "../src/ledger/connect.ts";
import { noteUnfinished } from "../src/ledger/remains.ts";
import type { Run } from "../src/ledger/run-row.ts";
import type { RunWatcher } from "../src/ledger/watch.ts";
import { startReporter } from "./reporter.ts";

/** What it takes to look after an attempt. */
export interface AttemptDeps {
  readonly ledger: Ledger;
  readonly watcher: RunWatcher;
  readonly secretKey: SecretKey;
  readonly log: Logger;
}

/** An attempt as its act sees it. */
export interface Attempt<R extends Run = Run> {
  /** As it was claimed: `unfinishedId` is what an earlier attempt has noted. */
  readonly run: R;
  /** Which attempt at the run it is, from 1. */
  readonly number: number;
  /** Names the run and the attempt in everything that it logs. */
  readonly log: Logger;
  readonly control: RunControl;
  /**
   * The passphrase or identity that the run was given, if it was.
   * @throws HoldfastError SECRET_LOST
   */
  readonly secret: () => string | undefined;
  /**
   * Notes what the attempt is about to begin, so that it can be deleted should the worker die: to be called before
   * anything of it is written, and after what an earlier attempt has noted was dealt with.
   * @throws the signal's reason, where the run is another worker's by now
   */
  readonly note: (id: string) => Promise<void>;
}

/** An attempt as its carriage sees it. */
export interface OpenAttempt extends Attempt {
  /**
   * Stops reporting and watching.
   * @returns the progress that was reported last, if it is not written yet
   */
  close(): Promise<Progress | undefined>;
}

/** Starts to show signs of life, and to watch for what would stop the attempt: its signal's reason then says what. */
export function openAttempt(
  deps: AttemptDeps,
  { run, lease, sealedSecret }: Extract<Claim, { state: "claimed" }>,
  shutdown: AbortSignal,
): OpenAttempt {
  // Who was to be cancelled and is claimed all the same has something to finish, if only to find out what.
  const isCancellable = run.cancelRequestedAt === null;
  const { ledger, watcher } = deps;
  const log = deps.log.child({
    ...{ runId: run.id, kind: run.kind, attempt: lease.attempt },
    ...(run.requestId !== null && { requestId: run.requestId }),
  });
  const stop = new AbortController();
  const stopWith = (code: ErrorCode, message: string) => stop.abort(new HoldfastError(code, message));
  const cancel = () => {
    if (isCancellable) stopWith("CANCELLED", "The run was cancelled.");
  };
  const giveBack = () => stopWith("SHUTTING_DOWN", "The worker is shutting down.");
  const lose = () => stopWith("SUPERSEDED", "Another worker has taken the run over.");

  const reporter = startReporter(ledger, lease, { onCancelRequested: cancel, onLost: lose, log });
  const unwatch = watcher.onCancelRequested(run.id, cancel);
  shutdown.addEventListener("abort", giveBack);
  if (shutdown.aborted) giveBack();

  return {
    run,
    number: lease.attempt,
    log,
    control: { signal: stop.signal, onProgress: reporter.report },
    secret: () => (sealedSecret === null ? undefined : openSecret(deps.secretKey, run.id, sealedSecret)),
    async note(id) {
      if (!(await noteUnfinished(ledger, lease, id))) lose();
      stop.signal.throwIfAborted();
    },
    async close() {
      unwatch();
      shutdown.removeEventListener("abort", giveBack);
      return reporter.close();
    },
  };
}
