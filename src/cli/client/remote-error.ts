// Errors that came over the wire, as the errors that they were on the server.
import { ERRORS, HoldfastError, type ErrorCode } from "../../core/errors.ts";

export interface RemoteError {
  readonly message: string;
  readonly code?: unknown;
  readonly hint?: unknown;
}

const SIGN_IN = "Sign in with holdfast login --server URL, or set HOLDFAST_TOKEN to a valid token.";

/** A code that this version does not know (the server's may be newer) stays readable in the message. */
export function fromRemote({ message, code, hint }: RemoteError): HoldfastError {
  // The server knows of headers; whoever types commands has them written.
  if (code === "UNAUTHENTICATED") return new HoldfastError(code, message, { hint: SIGN_IN });
  const options = typeof hint === "string" ? { hint } : {};
  if (typeof code === "string" && isErrorCode(code)) return new HoldfastError(code, message, options);
  return new HoldfastError("INTERNAL", typeof code === "string" ? `${message} (${code})` : message, options);
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERRORS, code);
}
