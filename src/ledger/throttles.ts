// Counts of what may be tried so often only, in the ledger: every server counts the same, and a restart forgets nothing.
import { and, eq, gt, sql } from "drizzle-orm";
import type { Ledger } from "./connect.ts";
import { throttles } from "./tables.ts";

/** Windows that have ended, deleted whenever one begins: so many more than one, that they never pile up. */
const SWEPT_AT_ONCE = 20;

export interface Count {
  /** Within the window, this attempt too. */
  readonly attempts: number;
  /** How long the window lasts yet. */
  readonly remainingMs: number;
}

type Db = Pick<Ledger, "db">;

const remainingMs = sql<number>`(extract(epoch from ${throttles.endsAt} - now()) * 1000)::float8`;

/** Counts one more. A window begins with its first attempt, and further ones do not make it longer. */
export async function countAttempt({ db }: Db, key: string, windowMs: number): Promise<Count> {
  const endsAt = sql`now() + make_interval(secs => ${windowMs / 1000})`;
  const isOver = sql`${throttles.endsAt} <= now()`;
  const [row] = await db
    .insert(throttles)
    .values({ key, attempts: 1, endsAt })
    .onConflictDoUpdate({
      target: throttles.key,
      set: {
        attempts: sql`case when ${isOver} then 1 else ${throttles.attempts} + 1 end`,
        endsAt: sql`case when ${isOver} then ${endsAt} else ${throttles.endsAt} end`,
      },
    })
    .returning({ attempts: throttles.attempts, remainingMs });
  if (row === undefined) throw new Error("an upsert into throttles returned no row");
  if (row.attempts === 1) await sweep({ db });
  return row;
}

/** What has been counted; undefined: nothing. */
export async function findCount({ db }: Db, key: string): Promise<Count | undefined> {
  const [row] = await db
    .select({ attempts: throttles.attempts, remainingMs })
    .from(throttles)
    .where(and(eq(throttles.key, key), gt(throttles.endsAt, sql`now()`)));
  return row;
}

/** Takes one attempt back: it was none of those that are to be limited. */
export async function takeBackAttempt({ db }: Db, key: string): Promise<void> {
  await db
    .update(throttles)
    .set({ attempts: sql`${throttles.attempts} - 1` })
    .where(and(eq(throttles.key, key), gt(throttles.attempts, 0)));
}

export async function forgetAttempts({ db }: Db, key: string): Promise<void> {
  await db.delete(throttles).where(eq(throttles.key, key));
}

async function sweep({ db }: Db): Promise<void> {
  await db.execute(sql`
    DELETE FROM ${throttles} WHERE ${throttles.key} IN (
      SELECT ${throttles.key} FROM ${throttles} WHERE ${throttles.endsAt} <= now()
      LIMIT ${SWEPT_AT_ONCE} FOR UPDATE SKIP LOCKED)`);
}
