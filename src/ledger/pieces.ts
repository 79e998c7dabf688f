// Pieces of runs: offered by the worker that has claimed the run, taken by others, and settled. Every question names the attempt
// at the run: what belongs to one that is over is nobody's any more.
import { and, eq, inArray, lt, sql, type SQL } from "drizzle-orm";
import type { Ledger } from "./connect.ts";
import { heldBy, type Lease } from "./lease.ts";
import { pieces } from "./piece-tables.ts";
import { runs } from "./tables.ts";

/** Every change of a piece is announced here, with the run's id as the payload. */
export const PIECES_CHANNEL = "holdfast_pieces";

/** How many days pieces are kept after they were offered, for people who look into what was shared. */
const KEPT_DAYS = 7;

export interface PieceKey extends Lease {
  readonly number: number;
}

export type PieceRow = typeof pieces.$inferSelect;

const isPiece = ({ runId, attempt, number }: PieceKey): SQL | undefined =>
  and(eq(pieces.runId, runId), eq(pieces.attempt, attempt), eq(pieces.number, number));

/** Whether the run is still that attempt's, and nobody wants it to stop. */
const isWanted: SQL = sql`exists (select from ${runs} where ${runs.id} = ${pieces.runId} and ${runs.attempt} = ${pieces.attempt}
  and ${runs.status} = 'RUNNING' and ${runs.cancelRequestedAt} is null)`;

const announced = { announced: sql<string>`pg_notify(${PIECES_CHANNEL}, ${pieces.runId}::text)` };

/** @returns false if the run is no longer this lease's: then nothing was written */
export async function offerPiece(
  ledger: Ledger,
  lease: Lease,
  piece: { readonly number: number; readonly task: unknown; readonly stores: readonly string[] },
): Promise<boolean> {
  const rows = await ledger.db
    .insert(pieces)
    .select(
      sql`select ${runs.id}, ${runs.attempt}, ${piece.number}::int, 'OPEN'::holdfast.piece_status, ${JSON.stringify(piece.task)}::jsonb,
        array(select jsonb_array_elements_text(${JSON.stringify(piece.stores)}::jsonb)), null::text, 0::bigint, 0::bigint, null::jsonb,
        null::text, now(), now() from ${runs} where ${heldBy(lease)}`,
    )
    .returning({ number: pieces.number });
  return rows.length > 0;
}

/** @returns true: nobody had begun it, and it is gone */
export async function retractPiece(ledger: Ledger, key: PieceKey): Promise<boolean> {
  const rows = await ledger.db
    .delete(pieces)
    .where(and(isPiece(key), eq(pieces.status, "OPEN")))
    .returning({ number: pieces.number });
  return rows.length > 0;
}

export type PieceClaim =
  | { readonly state: "taken"; readonly task: unknown; readonly sealedSecret: string | null }
  /** Somebody else has it, or it is wanted no more. */
  | { readonly state: "gone" }
  /** It is for somebody who has other stores. */
  | { readonly state: "for others" };

/** Takes a piece that is open. @param by the worker's name, and the stores that it has */
export async function takePiece(
  ledger: Ledger,
  key: PieceKey,
  by: { readonly name: string; readonly stores: readonly string[] },
): Promise<PieceClaim> {
  const isForUs = sql`to_jsonb(${pieces.stores}) <@ ${JSON.stringify(by.stores)}::jsonb`;
  const [taken] = await ledger.db
    .update(pieces)
    .set({ status: "TAKEN", worker: by.name, beatAt: sql`now()` })
    .where(and(isPiece(key), eq(pieces.status, "OPEN"), isForUs, isWanted))
    .returning({
      task: pieces.task,
      sealedSecret: sql<
        string | null
      >`(select ${runs.peerSecret} from ${runs} where ${runs.id} = ${pieces.runId})`,
      ...announced,
    });
  if (taken !== undefined) return { state: "taken", task: taken.task, sealedSecret: taken.sealedSecret };
  const [open] = await ledger.db
    .select({ isForUs: sql<boolean>`${isForUs}` })
    .from(pieces)
    .where(and(isPiece(key), eq(pieces.status, "OPEN"), isWanted));
  return { state: open?.isForUs === false ? "for others" : "gone" };
}

/** A sign of life, and how far it is. @returns false if the piece is no longer wanted of whoever has taken it */
export async function beatPiece(
  ledger: Ledger,
  key: PieceKey,
  progress: { readonly rows: number; readonly bytes: number },
): Promise<boolean> {
  const rows = await ledger.db
    .update(pieces)
    .set({ ...progress, beatAt: sql`now()` })
    .where(and(isPiece(key), eq(pieces.status, "TAKEN"), isWanted))
    .returning({ number: pieces.number });
  return rows.length > 0;
}

/** @returns false if it is no longer wanted: what was done is in vain */
export async function settlePiece(
  ledger: Ledger,
  key: PieceKey,
  settlement:
    | { readonly status: "DONE"; readonly result: unknown; readonly rows: number; readonly bytes: number }
    | { readonly status: "RETURNED"; readonly reason: string },
): Promise<boolean> {
  const rows = await ledger.db
    .update(pieces)
    .set({ ...settlement, beatAt: sql`now()` })
    .where(and(isPiece(key), eq(pieces.status, "TAKEN"), settlement.status === "DONE" ? isWanted : undefined))
    .returning(announced);
  return rows.length > 0;
}

/** Pieces of an attempt, as they are; those whose workers have been silent for so long have come back by then. */
export async function readPieces(
  ledger: Ledger,
  { runId, attempt }: Lease,
  numbers: readonly number[],
  silentForMs: number,
): Promise<PieceRow[]> {
  const wanted = and(
    eq(pieces.runId, runId),
    eq(pieces.attempt, attempt),
    inArray(pieces.number, [...numbers]),
  );
  await ledger.db
    .update(pieces)
    .set({ status: "RETURNED", reason: "Its worker was lost." })
    .where(
      and(
        wanted,
        eq(pieces.status, "TAKEN"),
        lt(pieces.beatAt, sql`now() - make_interval(secs => ${silentForMs / 1000})`),
      ),
    );
  return ledger.db.select().from(pieces).where(wanted);
}

/** At the end of an attempt: nobody begins anything of it any more, and who has is told. Forgets what is a week old. */
export async function endPieces(ledger: Ledger, { runId, attempt }: Lease): Promise<void> {
  await ledger.db
    .delete(pieces)
    .where(and(eq(pieces.runId, runId), eq(pieces.attempt, attempt), eq(pieces.status, "OPEN")));
  await ledger.db
    .update(pieces)
    .set({ status: "RETURNED", reason: "The run's attempt is over." })
    .where(and(eq(pieces.runId, runId), eq(pieces.attempt, attempt), eq(pieces.status, "TAKEN")))
    .returning(announced);
  await ledger.db
    .delete(pieces)
    .where(lt(pieces.createdAt, sql`now() - make_interval(days => ${KEPT_DAYS})`));
}

/** What the workers that take pieces of the run up need, sealed as the run's own secret is, until the attempt ends. */
export async function entrustSecret(ledger: Ledger, lease: Lease, sealed: string): Promise<void> {
  await ledger.db.update(runs).set({ peerSecret: sealed }).where(heldBy(lease));
}
