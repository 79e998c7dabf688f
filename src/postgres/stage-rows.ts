// Rows of a backup on their way into staging: what the process does that coordinates a restore, and what others do for it.
import { sql } from "drizzle-orm";
import type { TableName } from "../core/catalog.ts";
import { copyIn } from "./copy-in.ts";
import { loadingError } from "./loading-error.ts";
import type { Session } from "./session.ts";

/** Where a table's rows are loaded. */
export interface StagingPlace {
  readonly table: TableName;
  /** In the order of the rows' fields. */
  readonly columns: readonly string[];
}

/** Rows that one transaction has staged. */
export interface StagedPart {
  /** As in the rows' `xmin`. */
  readonly transaction: string;
  readonly rows: number;
}

/**
 * Loads the rows, all or none of them. After an error the session is not to be used again.
 * @param table the live one, for messages
 * @param chunks COPY text, cut anywhere
 * @returns how many rows the server has taken
 * @throws SCHEMA_DRIFT where the live table's types refuse a value, ARTIFACT_CORRUPT where the text is none; whatever `chunks` throws
 */
export async function stageRows(
  session: Session,
  table: TableName,
  place: StagingPlace,
  chunks: AsyncIterable<Uint8Array>,
): Promise<number> {
  try {
    return await copyIn(session, place.table, place.columns, chunks);
  } catch (error) {
    throw loadingError(table, error);
  }
}

/** The same in a transaction of its own, by which the rows can be told from others. */
export async function stagePart(
  session: Session,
  ...of: [table: TableName, place: StagingPlace, chunks: AsyncIterable<Uint8Array>]
): Promise<StagedPart> {
  return session.transaction(async () => {
    const rows = await stageRows(session, ...of);
    // Beyond its last 32 bits is how often they were used up.
    const [current] = await session.rows<{ id: string }>(
      sql`SELECT (txid_current() % 4294967296)::text AS id`,
    );
    if (current === undefined) throw new Error("the transaction has no number");
    return { transaction: current.id, rows };
  });
}
