// The processes that work, as they show themselves to each other.
import { and, eq, lt, ne, sql } from "drizzle-orm";
import type { Ledger } from "./connect.ts";
import { workers } from "./piece-tables.ts";

export interface WorkerPresence {
  /** A UUID, made when the process starts. */
  readonly id: string;
  /** For people. */
  readonly name: string;
  readonly stores: readonly string[];
  /** How many pieces of others' runs it works on at the same time. */
  readonly places: number;
}

/** Whoever has been silent for so long is gone, or as good as gone. */
const SILENT_MS = 6_000;

const isSilent = lt(workers.beatAt, sql`now() - make_interval(secs => ${SILENT_MS / 1000})`);

/** Shows that the process is there; forgets those that are not. */
export async function showPresence(ledger: Ledger, presence: WorkerPresence): Promise<void> {
  const { id, name, places } = presence;
  const stores = [...presence.stores];
  await ledger.db
    .insert(workers)
    .values({ id, name, stores, places })
    .onConflictDoUpdate({ target: workers.id, set: { stores, places, beatAt: sql`now()` } });
  await ledger.db.delete(workers).where(isSilent);
}

export async function endPresence(ledger: Ledger, id: string): Promise<void> {
  await ledger.db.delete(workers).where(eq(workers.id, id));
}

/** How many pieces all others that have these stores can work on at the same time. */
export async function countPlaces(
  ledger: Ledger,
  selfId: string,
  stores: readonly string[],
): Promise<number> {
  const [row] = await ledger.db
    .select({ places: sql<number>`coalesce(sum(${workers.places}), 0)::int` })
    .from(workers)
    .where(
      and(
        ne(workers.id, selfId),
        sql`not ${isSilent}`,
        sql`to_jsonb(${workers.stores}) @> ${JSON.stringify(stores)}::jsonb`,
      ),
    );
  return row?.places ?? 0;
}
