// Sequences after a restore: whatever fills a column of a restored table goes on past the largest value, and never back.
import { sql } from "drizzle-orm";
import { isHoldfastError } from "../core/errors.ts";
import { literal, statementText, tableIdentifier } from "./quote.ts";
import { liveOf, type RestoredTable } from "./restored-table.ts";
import type { Session } from "./session.ts";
import type { LiveSequence } from "./table-shape.ts";

/** Columns of other types are filled by an expression over the sequence: their values are not the sequence's. */
const WHOLE_NUMBERS = new Set(["smallint", "integer", "bigint"]);

/**
 * Moves on, in the session's transaction, the sequences of the table's columns that would otherwise give out a value that a row
 * has already, or that the backed-up sequence had given out. What need not be moved is not touched; what is moved is locked until
 * the transaction ends and undone by a rollback.
 * @param written whether the restore has put rows into the table
 * @throws DATABASE_DENIED where the role may neither alter nor set (UPDATE) a sequence that has to be moved
 */
export async function advanceSequences(
  session: Session,
  table: RestoredTable,
  written: boolean,
): Promise<void> {
  for (const sequence of table.live.sequences) {
    const reached = await furthest(session, table, sequence, written);
    if (reached === undefined || !(await isBehind(session, sequence, reached))) continue;
    await holdSequence(session, sequence);
    if (!(await isBehind(session, sequence, reached))) continue;
    const name = tableIdentifier(sequence);
    const text = literal(statementText(name));
    // Another session may have drawn from it meanwhile, where it could not be held.
    const further = sql.raw(ascends(sequence) ? "greatest" : "least");
    await session.query(
      sql`SELECT setval(${text}::regclass, ${further}(${sql.raw(String(reached))}, last_value), true) FROM ${name}`,
    );
  }
}

/**
 * Changes nothing but takes the lock and gives the sequence a new file, for this transaction to keep or to lose; setval writes into
 * that file. To a role that may only set it, the sequence is moved for good, which the last act of a transaction may do: a sequence
 * that is too far on only leaves a gap.
 */
async function holdSequence(session: Session, sequence: LiveSequence): Promise<void> {
  await session.query("SAVEPOINT holdfast_sequence");
  try {
    const name = tableIdentifier(sequence);
    await session.query(sql`ALTER SEQUENCE ${name} INCREMENT BY ${sql.raw(sequence.increment)}`);
    await session.query("RELEASE SAVEPOINT holdfast_sequence");
  } catch (error) {
    if (!isHoldfastError(error, "DATABASE_DENIED")) throw error;
    await session.query("ROLLBACK TO SAVEPOINT holdfast_sequence");
  }
}

/** The last value, in the sequence's direction, that must not be given out again. */
async function furthest(
  session: Session,
  table: RestoredTable,
  sequence: LiveSequence,
  written: boolean,
): Promise<bigint | undefined> {
  const backedUp = table.backup.sequences.find(({ column }) => column === sequence.column)?.lastValue ?? null;
  const values = [backedUp, written ? await furthestInRows(session, table, sequence) : null]
    .filter((value) => value !== null)
    .map(BigInt)
    .filter((value) => value >= BigInt(sequence.minimum) && value <= BigInt(sequence.maximum));
  if (values.length === 0) return undefined;
  const isFurther = (one: bigint, other: bigint): boolean => (ascends(sequence) ? one > other : one < other);
  return values.reduce((best, value) => (isFurther(value, best) ? value : best));
}

async function furthestInRows(
  session: Session,
  table: RestoredTable,
  sequence: LiveSequence,
): Promise<string | null> {
  const type = table.live.columns.find((column) => column.name === sequence.column)?.type ?? "";
  if (!WHOLE_NUMBERS.has(type)) return null;
  const column = sql.identifier(sequence.column);
  const [row] = await session.rows<{ value: string | null }>(sql`
    SELECT ${sql.raw(ascends(sequence) ? "max" : "min")}(${column})::text AS value FROM ${liveOf(table)}
    WHERE ${column} BETWEEN ${sql.raw(sequence.minimum)} AND ${sql.raw(sequence.maximum)}`);
  return row?.value ?? null;
}

/** Whether the sequence would give out `reached`, or a value before it. One that goes in circles is behind only before its first. */
async function isBehind(session: Session, sequence: LiveSequence, reached: bigint): Promise<boolean> {
  const [row] = await session.rows<{ last: string; called: boolean }>(
    sql`SELECT last_value::text AS last, is_called AS called FROM ${tableIdentifier(sequence)}`,
  );
  if (row === undefined || (sequence.cycles && row.called)) return false;
  const next = BigInt(row.last) + (row.called ? BigInt(sequence.increment) : 0n);
  return ascends(sequence) ? next <= reached : next >= reached;
}

const ascends = (sequence: LiveSequence): boolean => BigInt(sequence.increment) > 0n;
