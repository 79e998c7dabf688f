// The process's log: JSON lines, on standard error unless it is said where. What a statement was sent with is never written: it
// may be a secret. What is written for a request names it.
import { DrizzleQueryError } from "drizzle-orm";
import { pino, stdSerializers, type DestinationStream, type Logger } from "pino";
import { logContext } from "../telemetry/log-context.ts";
import { createRedaction } from "./redaction.ts";

/**
 * @param level one of pino's
 * @param destination a file descriptor, the name of a file in a directory that is there, or what takes lines
 * @param secrets what no line may hold
 */
export function createLog(
  level: string,
  destination: number | string | DestinationStream = 2,
  secrets: readonly string[] = [],
): Logger {
  return pino(
    {
      level,
      serializers: { err: describeError },
      mixin: () => ({ ...logContext() }),
      hooks: { streamWrite: createRedaction(secrets) },
    },
    typeof destination === "object" ? destination : pino.destination(destination),
  );
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
