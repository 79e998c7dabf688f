// What is said of Holdfast's own database while it is out of reach: it restarts, it was killed, its connections are cut.
import { DrizzleQueryError } from "drizzle-orm";
import postgres from "postgres";
import { HoldfastError } from "../core/errors.ts";
import { isDriversOwn, reasonUnreachable } from "../core/unreachable.ts";

/** A restart takes about so long; connections are tried again every two seconds. */
const RETRY_AFTER_SECONDS = 5;
const PARTICULARS = { database: "own", retryAfterSeconds: RETRY_AFTER_SECONDS };

/**
 * DATABASE_UNREACHABLE, where the error says that Holdfast's own database is out of reach; undefined: it says something else.
 * The message tells a stranger no address; the cause has it.
 */
export function outageOf(error: unknown): HoldfastError | undefined {
  if (!isOutage(error)) return undefined;
  return new HoldfastError("DATABASE_UNREACHABLE", "Holdfast's own database is out of reach at present.", {
    hint: `This passes when the database is back: send the request again in ${RETRY_AFTER_SECONDS} seconds. If it stays so, look whether PostgreSQL runs.`,
    cause: error,
    details: PARTICULARS,
  });
}

/** OUTCOME_UNKNOWN, for such an error of an act that writes: its COMMIT may have arrived, though no answer to it came back. */
export function unknownOutcomeOf(error: unknown): HoldfastError | undefined {
  if (!isOutage(error)) return undefined;
  return new HoldfastError(
    "OUTCOME_UNKNOWN",
    "Holdfast's own database went out of reach meanwhile: whether this took effect is not known.",
    {
      hint: "Once the database is back, look whether it did. Whatever takes an idempotencyKey may be sent again with the same key: it is not started twice.",
      cause: error,
      details: PARTICULARS,
    },
  );
}

/** Carries out what writes. @throws as it does, but OUTCOME_UNKNOWN where the database went out of reach meanwhile */
export async function knowingOutcome<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw unknownOutcomeOf(error) ?? error;
  }
}

function isOutage(error: unknown): boolean {
  const cause = error instanceof DrizzleQueryError ? error.cause : error;
  return isOfDriver(cause) && reasonUnreachable(cause) !== undefined;
}

/** Sockets and files of all kinds fail with the same codes; the driver notes the query on what it rejects it with. */
function isOfDriver(error: unknown): boolean {
  return (
    error instanceof postgres.PostgresError ||
    isDriversOwn(error) ||
    (error instanceof Error && "query" in error)
  );
}
