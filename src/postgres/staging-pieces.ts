// Pieces of a restore that other processes load into its staging. Each is a row beside the staged tables; the transaction that
// loads it holds that row, and writes into it how many rows it has loaded. So the database itself says what is there, whatever has
// become of the process or of its word, and nothing is loaded twice. And since only what stands in the restore's own database
// counts, a process that takes another database for it changes nothing.
import { sql, type SQL } from "drizzle-orm";
import { HoldfastError, isHoldfastError } from "../core/errors.ts";
import type { Database } from "./connect.ts";
import { countFreeConnections } from "./free-connections.ts";
import { endHolders } from "./end-holders.ts";
import type { Session } from "./session.ts";
import { piecesOf, supersededError, type StagingSchema } from "./staging-schema.ts";

export interface PieceName {
  /** The staging schema's name. */
  readonly schema: string;
  /** From 1. */
  readonly number: number;
}

/** As the process that coordinates the restore sees them. Makes and writes nothing before the first piece. */
export interface StagingPieces {
  /** A piece that may be loaded once from now on. */
  issue(): Promise<PieceName>;
  /**
   * Ends whatever is being done about a piece: what is not loaded by then never will be.
   * @returns how many rows were loaded; undefined: none, for nobody has finished it
   * @throws SUPERSEDED
   */
  settle(piece: PieceName): Promise<number | undefined>;
  /** How many more connections others may take, as `countFreeConnections` says. */
  countFreeConnections(): Promise<number>;
}

/** @param database is connected to for each call, by one at a time if it has one connection */
export function stagingPieces(database: Database, schema: StagingSchema, signal: AbortSignal): StagingPieces {
  const pieces = piecesOf(schema);
  let made: Promise<void> | undefined;
  const make = async (): Promise<void> => {
    await using session = await database.session(signal);
    // Lost with the staged rows, should the server crash.
    await session.query(
      sql`CREATE UNLOGGED TABLE ${pieces} (number int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, rows bigint)`,
    );
  };
  return {
    async issue() {
      made ??= make();
      await made.catch((error: unknown) => {
        made = undefined;
        throw error;
      });
      await using session = await database.session(signal);
      const [row] = await session.rows<{ number: number }>(
        sql`INSERT INTO ${pieces} (rows) VALUES (NULL) RETURNING number`,
      );
      if (row === undefined) throw new Error("a piece has no number");
      return { schema: schema.name, number: row.number };
    },
    async settle(piece) {
      try {
        await using session = await database.session(signal);
        const unfinished = sql`DELETE FROM ${pieces} WHERE number = ${piece.number} AND rows IS NULL`;
        await endHolders(session, holdersOf(piece), unfinished);
        const [row] = await session.rows<{ rows: string }>(
          sql`SELECT rows FROM ${pieces} WHERE number = ${piece.number}`,
        );
        return row && Number(row.rows);
      } catch (error) {
        throw supersededError(schema, error);
      }
    },
    async countFreeConnections() {
      await using session = await database.session(signal);
      return await countFreeConnections(session);
    },
  };
}

/**
 * Loads a piece in a transaction of its own: all of it or nothing. After an error the session is to be closed, which ends the
 * transaction with it.
 * @param load loads rows, and checks them: what it returns is committed
 * @throws SUPERSEDED where nobody wants the piece any more, or where the database is another one
 */
export async function loadPiece(
  session: Session,
  piece: PieceName,
  load: () => Promise<number>,
): Promise<number> {
  const pieces = piecesOf({ name: piece.schema });
  await session.begin("ISOLATION LEVEL READ COMMITTED");
  // By this lock the session is found that has to be ended.
  await session.query(sql`SELECT pg_advisory_xact_lock(${lockKey(piece)})`);
  const held = await session
    .rows(sql`SELECT FROM ${pieces} WHERE number = ${piece.number} AND rows IS NULL FOR UPDATE`)
    .catch((error: unknown) => {
      if (!isHoldfastError(error, "TABLE_MISSING")) throw error;
      return [];
    });
  if (held.length === 0) {
    throw new HoldfastError(
      "SUPERSEDED",
      `The piece is not wanted any more, or the database ${session.database} is another one here.`,
    );
  }
  const rows = await load();
  await session.query(sql`UPDATE ${pieces} SET rows = ${rows} WHERE number = ${piece.number}`);
  await session.commit();
  return rows;
}

/** The schema's own lock has 0 for a number. */
const lockKey = ({ schema, number }: PieceName): SQL => sql`hashtextextended(${schema}, ${number})`;

const holdersOf = (piece: PieceName): SQL => sql`
  SELECT l.pid FROM pg_locks l
  JOIN pg_database d ON d.oid = l.database AND d.datname = current_database()
  WHERE l.locktype = 'advisory' AND l.objsubid = 1
    AND ((l.classid::bigint << 32) | l.objid::bigint) = ${lockKey(piece)}`;
