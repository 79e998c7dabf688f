// How the transactions of a restore begin.
import type { Session } from "./session.ts";
import { holdOutcome, type StagingSchema } from "./staging-schema.ts";

/**
 * The joins of a comparison are hashed in memory; JIT costs more than it saves on few large statements. The server has nothing else
 * to do for us meanwhile, but the planner does not know that hardly a row comes out of the joins, and would not share them among
 * workers.
 */
const SETTINGS = [
  "SET LOCAL work_mem = '256MB'",
  "SET LOCAL hash_mem_multiplier = 1",
  "SET LOCAL jit = off",
  "SET LOCAL parallel_tuple_cost = 0",
  "SET LOCAL parallel_setup_cost = 100",
].join("; ");

/** The transaction that says what would be done, on a snapshot. */
export async function beginPreview(session: Session): Promise<void> {
  await session.begin("ISOLATION LEVEL REPEATABLE READ, READ WRITE");
  await session.query(SETTINGS);
}

/**
 * The transaction that does it. Only one of those that begin can come to its end.
 * @param lockTimeoutMs as of {@link setLockTimeout}
 */
export async function beginApplying(
  session: Session,
  schema: StagingSchema,
  lockTimeoutMs: number,
): Promise<void> {
  await session.begin("ISOLATION LEVEL READ COMMITTED, READ WRITE");
  await session.query(SETTINGS);
  await setLockTimeout(session, lockTimeoutMs);
  await holdOutcome(session, schema);
}

/** How long the transaction waits from now on for others to let go of a table. */
export async function setLockTimeout(session: Session, timeoutMs: number): Promise<void> {
  await session.query(`SET LOCAL lock_timeout = ${timeoutMs}`);
}
