// The process's log: JSON lines, on standard error unless it is said where. What a statement was sent with is never written: it may be a secret.
import { DrizzleQueryError } from "drizzle-orm";
import { pino, stdSerializers, type Logger } from "pino";

/**
 * @param level one of pino's
 * @param destination a file descriptor, or the name of a file in a directory that is there
 */
export function createLog(level: string, destination: number | string = 2): Logger {
  return pino({ level, serializers: { err: describeError } }, pino.destination(destination));
}

/** Drizzle's error repeats the statement and its parameters; the driver's, beneath it, says what was wrong. */
function describeError(error: unknown): unknown {
  if (error instanceof DrizzleQueryError && error.cause !== undefined) return describeError(error.cause);
  if (!(error instanceof Error)) return error;
  const { type, message, stack, code } = stdSerializers.err(error) as ReturnType<
    typeof stdSerializers.err
  > & {
    code?: unknown;
  };
  return { type, message, code, stack };
}
