// What a client is told of a failure, whichever way it came in: an error of the catalogue as it is, what the
// ledger throws while it is out of reach as one of the catalogue, anything else as INTERNAL with an id that the log has too.
import { randomUUID } from "node:crypto";
import type { Logger } from "pino";
import { hasCode, HoldfastError } from "../core/errors.ts";
import { outageOf } from "../ledger/outage.ts";
import { logContext, type LogContext } from "../telemetry/log-context.ts";

/**
 * The error as a client may see it. What is not of the catalogue is logged in full and replaced by INTERNAL, whose
 * message and `details.id` name the log's entry.
 */
export function publicError(error: unknown, log: Logger): HoldfastError {
  if (error instanceof HoldfastError) {
    if (error.status >= 500) log.error({ err: error, code: error.code }, error.message);
    return error;
  }
  if (isLockFailure(error)) {
    log.warn({ err: error }, "a request waited for a lock in vain");
    return new HoldfastError("TABLE_LOCKED", "Something else is changing what this would write to.", {
      hint: "A restore of Holdfast's own tables may be under way: try again when it has ended. Nothing was changed.",
      cause: error,
    });
  }
  const outage = outageOf(error);
  if (outage !== undefined) {
    log.error({ err: error, code: outage.code }, outage.message);
    return outage;
  }
  const id = randomUUID();
  log.error(
    { err: error, errorId: id },
    "an error that is not in the catalogue reached a client as INTERNAL",
  );
  return new HoldfastError("INTERNAL", `Something failed inside Holdfast (error ${id}).`, {
    details: { id },
  });
}

/** What finds the log's lines of a failure that is not the client's: the request's id. Every answer has it as a header, too. */
export function requestOfFault(error: HoldfastError): Partial<LogContext> {
  return error.status >= 500 ? { ...logContext() } : {};
}

/** Drizzle wraps what the driver throws: lock_not_available, deadlock_detected. */
function isLockFailure(error: unknown): boolean {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  return hasCode(cause, "55P03") || hasCode(cause, "40P01");
}

/** Headers that belong to an error's answer: how to sign in, when to come back, how much there is to ask for. */
export function errorHeaders(error: HoldfastError): Record<string, string> {
  const headers: Record<string, string> = {};
  if (error.status === 401) headers["WWW-Authenticate"] = "Bearer";
  const seconds = error.details?.["retryAfterSeconds"];
  if (typeof seconds === "number") headers["Retry-After"] = String(Math.ceil(seconds));
  if (error.status === 416) headers["Content-Range"] = `bytes */${String(error.details?.["sizeBytes"])}`;
  return headers;
}
