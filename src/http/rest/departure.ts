// A client that leaves, or may no longer have what it is being sent: whoever works for it alone is told to stop.
import type { ServerResponse } from "node:http";
import { HoldfastError } from "../../core/errors.ts";

/** Aborted when the connection ends before the answer has been sent whole. */
export function departureOf(outgoing: ServerResponse): AbortSignal {
  const gone = new AbortController();
  afterClose(outgoing, () => {
    if (!outgoing.writableFinished) gone.abort(new HoldfastError("CANCELLED", "The client has left."));
  });
  return gone.signal;
}

export interface Rights {
  /** @throws HoldfastError where the client has lost the right to what it is being sent, or does */
  readonly check: () => Promise<unknown>;
  readonly everyMs: number;
}

/**
 * Aborted as by `departureOf`, and when a check says that the client's right is gone: then with what it threw. A check that cannot be
 * made takes no right away.
 */
export function presenceOf(outgoing: ServerResponse, { check, everyMs }: Rights): AbortSignal {
  const over = new AbortController();
  const look = async (): Promise<void> => {
    try {
      await check();
    } catch (error) {
      if (error instanceof HoldfastError && error.status < 500) over.abort(error);
    }
  };
  let timer = setTimeout(function again() {
    void look().then(() => {
      if (!over.signal.aborted && !outgoing.closed) timer = setTimeout(again, everyMs);
    });
  }, everyMs);
  afterClose(outgoing, () => clearTimeout(timer));
  return AbortSignal.any([departureOf(outgoing), over.signal]);
}

/** Cuts the connection once the signal aborts: what has not been sent by then is not. */
export function cutOff(outgoing: ServerResponse, signal: AbortSignal): void {
  signal.addEventListener("abort", () => outgoing.destroy(), { once: true });
}

/** Calls back once the answer has been sent, or never will be. */
export function afterClose(outgoing: ServerResponse, act: () => void): void {
  if (outgoing.closed || outgoing.destroyed) act();
  else outgoing.once("close", act);
}
