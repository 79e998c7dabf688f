// Watches a run over subscriptions until it has ended, however often the connection or the server goes away meanwhile.
import { setTimeout as delay } from "node:timers/promises";
import { HoldfastError, isHoldfastError } from "../../core/errors.ts";
import { isFinal } from "../../core/run.ts";
import type { RunState } from "./operations.ts";
import { fromRemote } from "./remote-error.ts";

/** Waits before coming back; a state that arrives starts the list again. Some 75 seconds without one, and it gives up. */
const RECONNECT_AFTER_MS = [100, 250, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 30_000];

/**
 * Every state of a run, the final one last. A subscription begins with the present state, so nothing is missed by
 * coming back.
 * @param subscribe opens a subscription; called again when one ends before the run does
 * @throws what is wrong with the request; SERVER_UNREACHABLE after a good minute without the server
 */
export async function* watchRun<State extends RunState>(
  subscribe: () => AsyncIterable<State>,
  signal: AbortSignal,
): AsyncGenerator<State, void, undefined> {
  for (let attempt = 0; ; attempt++) {
    let failure = new HoldfastError("SERVER_UNREACHABLE", "The subscription ends before the run does.");
    try {
      for await (const state of subscribe()) {
        attempt = 0;
        yield state;
        if (isFinal(state.status)) return;
      }
    } catch (error) {
      if (!isHoldfastError(error) || !error.retryable) throw error;
      failure = error;
    }
    const waitMs = RECONNECT_AFTER_MS[attempt];
    if (waitMs === undefined) throw failure;
    await delay(waitMs, undefined, { signal });
  }
}

/** The final state of a run, which was shown on its way. @throws the run's own error where it failed or was cancelled */
export async function followRun<State extends RunState>(
  states: AsyncIterable<State>,
  show: (state: State) => void,
): Promise<State> {
  let last: State | undefined;
  for await (const state of states) {
    show(state);
    last = state;
  }
  if (last === undefined) throw new Error("The run was never seen.");
  if (last.status === "SUCCEEDED") return last;
  throw fromRemote(last.error ?? { code: "CANCELLED", message: "The run was cancelled." });
}
