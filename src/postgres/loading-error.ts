// What it means that the server refuses a row while it is being staged.
import postgres from "postgres";
import { tableLabel, type TableName } from "../core/catalog.ts";
import { HoldfastError } from "../core/errors.ts";
import { schemaDrift } from "./drift.ts";

/** SQLSTATEs of COPY text that has too many or too few fields, or no such escapes. */
const MALFORMED = new Set(["22P04"]);

/** Classes of SQLSTATEs: data exceptions, and what a column's type or NOT NULL forbids. */
const REFUSALS = new Set(["22", "23"]);
const NOT_NULL = "23502";
/** A privilege is missing, whatever row it was missed at. */
const DENIED = "42501";
/** What a function of the application raises: its words may hold the value. */
const RAISED = "P0";
/** The same where they are about a row: names of what is not there (in a regclass, say), features, limits, checks of domains. */
const ROW_REFUSALS = new Set(["0A", "2F", "38", "39", "3F", "42", "54", RAISED]);

/**
 * The catalogue's error where it is about a row; any other is returned as it is. Messages say which column refuses what kind of
 * value, and leave the value itself to the cause.
 */
export function loadingError(table: TableName, error: unknown): unknown {
  const refusal = postgresError(error);
  if (refusal === undefined) return error;
  const label = tableLabel(table);
  if (MALFORMED.has(refusal.code)) {
    const message = `The backup's rows of ${label} do not have the columns that its manifest says.`;
    return new HoldfastError("ARTIFACT_CORRUPT", message, { cause: error });
  }
  // COPY t1, line 7, column mood: "sad"
  const row = /^COPY [^,]+, line \d+(?:, column ([^:]+))?/m.exec(refusal.where ?? "");
  const sqlClass = refusal.code === DENIED ? DENIED : refusal.code.slice(0, 2);
  if (!REFUSALS.has(sqlClass) && !(row !== null && ROW_REFUSALS.has(sqlClass))) return error;
  const column = row?.[1] ?? refusal.column_name;
  const place = column === undefined ? "" : ` in the column ${column}`;
  if (refusal.code === NOT_NULL) {
    return schemaDrift(
      [`${label} wants a value in the column ${column ?? "?"}, which is null in the backup`],
      error,
    );
  }
  const reason = sqlClass === RAISED ? "a check raised an error" : refusal.message.replaceAll(/: ".*$/gs, "");
  return schemaDrift([`${label} does not take a value of the backup${place} (${reason})`], error);
}

function postgresError(error: unknown): postgres.PostgresError | undefined {
  if (error instanceof postgres.PostgresError) return error;
  return error instanceof HoldfastError && error.cause instanceof postgres.PostgresError
    ? error.cause
    : undefined;
}
