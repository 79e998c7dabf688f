// Getting past sessions that are to be ended: those of processes that were given up.
import { sql, type SQL } from "drizzle-orm";
import { isHoldfastError } from "../core/errors.ts";
import { literal } from "./quote.ts";
import type { Session } from "./session.ts";

const LOCK_TIMEOUT = "1s";
const TRIES = 15;

/**
 * Ends the sessions and then runs the statement, which waits for their locks. Whoever has come to hold one in between is ended too.
 * @param holders a query for the sessions' `pid`
 * @throws TABLE_LOCKED where there is always another one
 */
export async function endHolders(session: Session, holders: SQL, statement: SQL): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    await session.query(
      sql`SELECT pg_terminate_backend(pid) FROM (${holders}) AS holder WHERE pid <> pg_backend_pid()`,
    );
    try {
      await session.transaction(async () => {
        await session.query(sql`SET LOCAL lock_timeout = ${literal(LOCK_TIMEOUT)}`);
        await session.query(statement);
      }, "ISOLATION LEVEL READ COMMITTED");
      return;
    } catch (error) {
      if (!isHoldfastError(error, "TABLE_LOCKED") || tries === TRIES) throw error;
    }
  }
}
