// What goes wrong in PostgreSQL or on the way to it, in the words of the catalogue of errors. SQLSTATEs are read
// here, and for a server that is not there in src/core/unreachable.ts.
import postgres from "postgres";
import { HoldfastError, type ErrorCode } from "../core/errors.ts";
import { reasonUnreachable } from "../core/unreachable.ts";

const SQLSTATES: Readonly<Record<string, ErrorCode>> = {
  "42501": "DATABASE_DENIED",
  "42P01": "TABLE_MISSING",
  "3F000": "TABLE_MISSING",
  "23505": "UNIQUE_CONFLICT",
  "23P01": "UNIQUE_CONFLICT",
  "40P01": "TABLE_LOCKED",
  "55P03": "TABLE_LOCKED",
};

/** Classes of SQLSTATEs, for the codes that have no line of their own. */
const SQLSTATE_CLASSES: Readonly<Record<string, ErrorCode>> = {
  "23": "CONSTRAINT_VIOLATED",
  "53": "DATABASE_FAILED",
  "58": "DATABASE_FAILED",
  XX: "DATABASE_FAILED",
};

const OUT_OF_MEMORY = "53200";
const MORE_LOCKS =
  "Set max_locks_per_transaction to 512 in postgresql.conf and restart PostgreSQL, or restore fewer entities at a time.";

/**
 * The catalogue's error for one of postgres.js or of a socket; anything that it has no word for is returned as it is.
 *
 * A constraint's detail (`Key (email)=(a@b.c) already exists.`, `Failing row contains (...)`) stays with the cause and is in neither
 * the message nor the details: it holds rows of the protected application, password hashes among them, and messages go to logs,
 * to the ledger and to clients. The constraint, the table and the column say where to look.
 * @param database the database's name in the configuration
 */
export function databaseError(database: string, error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof HoldfastError) return error;
  const reason = reasonUnreachable(error);
  if (reason !== undefined) return unreachable(database, reason, error);
  return error instanceof postgres.PostgresError ? serverError(database, error) : error;
}

/** Whether the error says that a connection which was there has ended. */
export function isConnectionLost(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return code === "CONNECTION_CLOSED" || code === "ECONNRESET" || code === "EPIPE";
}

/** @param reason a clause for people, without the password */
export function unreachable(database: string, reason: string, cause?: unknown): HoldfastError {
  return new HoldfastError("DATABASE_UNREACHABLE", `The database ${database} cannot be reached: ${reason}`, {
    cause,
  });
}

function serverError(database: string, error: postgres.PostgresError): unknown {
  const code = SQLSTATES[error.code] ?? SQLSTATE_CLASSES[error.code.slice(0, 2)];
  if (code === undefined) return error;
  const details = particulars(database, error);
  if (error.code === OUT_OF_MEMORY && /max_locks_per_transaction/.test(error.hint ?? "")) {
    const message = `The server has no room for the locks of so many tables (database ${database}).`;
    return new HoldfastError(code, message, { hint: MORE_LOCKS, cause: error, details });
  }
  if (/row-level security/.test(error.message) && code === "DATABASE_DENIED") {
    return new HoldfastError("ROW_SECURITY", `${sentence(error.message)} (database ${database})`, {
      cause: error,
      details,
    });
  }
  return new HoldfastError(code, `${sentence(error.message)} (database ${database})`, {
    cause: error,
    details,
  });
}

function particulars(database: string, error: postgres.PostgresError): Record<string, string> {
  const { schema_name: schema, table_name: table, column_name: column, constraint_name: constraint } = error;
  const known = { database, schema, table, column, constraint };
  return Object.fromEntries(
    Object.entries(known).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}

/** PostgreSQL's messages start in lower case, for they follow "ERROR:". */
function sentence(message: string): string {
  return message.charAt(0).toUpperCase() + message.slice(1);
}
