// A client that leaves: whoever works for it alone is told to stop.
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

/** Calls back once the answer has been sent, or never will be. */
export function afterClose(outgoing: ServerResponse, act: () => void): void {
  if (outgoing.closed || outgoing.destroyed) act();
  else outgoing.once("close", act);
}
