// What a client that brings a file says of it beforehand, and asks.
import type { IncomingMessage, ServerResponse } from "node:http";

/** undefined: the client does not say. */
export function announcedBytes({ headers }: IncomingMessage): number | undefined {
  const length = Number(headers["content-length"]);
  return Number.isSafeInteger(length) ? length : undefined;
}

/** A client that has asked whether to send its file is told so: the server leaves that to whoever reads an upload. */
export function askForBody(incoming: IncomingMessage, outgoing: ServerResponse): void {
  if (incoming.headers.expect?.toLowerCase() === "100-continue") outgoing.writeContinue();
}
