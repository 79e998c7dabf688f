// What it means that the server refuses a row while it is being staged.
import postgres from "postgres";
import { tableLabel, type TableName } from "../core/catalog.ts";
import { HoldfastError } from "../core/errors.ts";
import { schemaDrift } from "./drift.ts";

/** SQLSTATEs of COPY text that has too many or too few fields, or no such escapes. */
const MALFORMED = new Set(["22P04"]);

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
  // Data exceptions, and what a column's type or NOT NULL forbids.
  if (!refusal.code.startsWith("22") && !refusal.code.startsWith("23")) return error;
  // COPY t1, line 7, column mood: "sad"
  const column = /, column ([^:]+)/.exec(refusal.where ?? "")?.[1] ?? refusal.column_name;
  const place = column === undefined ? "" : ` in the column ${column}`;
  const reason = refusal.message.replaceAll(/: ".*$/gs, "");
  return schemaDrift([`${label} does not take a value of the backup${place} (${reason})`], error);
}

function postgresError(error: unknown): postgres.PostgresError | undefined {
  if (error instanceof postgres.PostgresError) return error;
  return error instanceof HoldfastError && error.cause instanceof postgres.PostgresError
    ? error.cause
    : undefined;
}
