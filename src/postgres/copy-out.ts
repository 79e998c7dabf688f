// Copies tables out: which COPY statements carry the rows of which table, and their rows as they come.
import { sql, type SQL } from "drizzle-orm";
import type { TableName } from "../core/catalog.ts";
import { evenPieceBytes, type PieceSizing } from "../core/piece-size.ts";
import type { CopyBatch } from "./copy-tap.ts";
import { columnList, literal, tableIdentifier } from "./quote.ts";
import type { Session } from "./session.ts";
import { storedColumns, type Leaf, type TableShape } from "./table-shape.ts";

/** Rows that one COPY carries, and which columns of them. */
export interface CopyRange {
  readonly columns: readonly string[];
  readonly leaf: TableName;
  /** Pages from `from` up to, not including, `to`; null: from the first, to the last that there is by then. */
  readonly pages: { readonly from: number | null; readonly to: number | null };
}

/** A leaf's rows, or those in some of its pages. */
export interface CopyTask extends CopyRange {
  /** Whose rows they are in the manifest; for a partition, the partitioned table. */
  readonly table: TableShape;
  readonly leaf: Leaf;
  /** Its share of the leaf's size as stored, to plan and to estimate by. */
  readonly sizeBytes: number;
}

/** Where other processes may take tasks too, large leaves are split whatever the connections. */
export interface CopyPlanOptions extends PieceSizing {
  /** As `server_version_num` prints it. */
  readonly serverVersion: number;
  /** The size that large leaves are split into; left out: by what there is. */
  readonly pieceBytes?: number | undefined;
}

/** Before this version a range of ctids means reading the whole table. */
const TID_RANGE_SCANS = 140_000;

/**
 * Every row of the tables in exactly one task, the largest first, so that the sessions end at about the same time. Large
 * leaves are split where there are several sessions to share them.
 */
export function planCopies(shapes: readonly TableShape[], options: CopyPlanOptions): CopyTask[] {
  const { shared = false } = options;
  const pieceBytes = options.pieceBytes ?? pieceBytesOf(shapes, options);
  const splits = (shared || options.connections > 1) && options.serverVersion >= TID_RANGE_SCANS;
  return shapes
    .flatMap((table) =>
      table.leaves.flatMap((leaf) => {
        const pieces = splits && leaf.heap ? Math.ceil(leaf.sizeBytes / pieceBytes) : 1;
        return splitLeaf(table, leaf, Math.max(1, Math.min(pieces, leaf.pages)));
      }),
    )
    .toSorted((a, b) => b.sizeBytes - a.sizeBytes);
}

/** How large the pieces are that large leaves are split into. */
export function pieceBytesOf(shapes: readonly TableShape[], options: CopyPlanOptions): number {
  const totalBytes = shapes.reduce((sum, shape) => sum + shape.sizeBytes, 0);
  return evenPieceBytes(totalBytes, options);
}

function splitLeaf(table: TableShape, leaf: Leaf, pieces: number): CopyTask[] {
  const columns = storedColumns(table);
  return Array.from({ length: pieces }, (_, piece) => ({
    table,
    leaf,
    columns,
    pages: {
      from: piece === 0 ? null : Math.floor((leaf.pages * piece) / pieces),
      to: piece === pieces - 1 ? null : Math.floor((leaf.pages * (piece + 1)) / pieces),
    },
    sizeBytes: leaf.sizeBytes / pieces,
  }));
}

/**
 * The task's rows in COPY's text format: the table's stored columns, in its order. The COPY is sent with the first read, its
 * socket waits for a slow reader, and a reader that leaves early cancels it.
 * @throws what the server reports, also in the middle; the signal's reason when the session's signal aborts
 */
export function copyOut(session: Session, task: CopyRange): AsyncGenerator<CopyBatch, void, undefined> {
  return session.copyOut(copyStatement(task));
}

/** All rows of a table that is split into nothing, as {@link copyOut} gives them. */
export function copyTable(
  session: Session,
  table: TableName,
  columns: readonly string[],
): AsyncGenerator<CopyBatch, void, undefined> {
  return session.copyOut(
    sql`COPY (SELECT ${columnList(columns)} FROM ONLY ${tableIdentifier(table)}) TO STDOUT`,
  );
}

/**
 * The same of several tasks, one after the other, in a transaction that has locked the tables already: the locks of their indexes,
 * which no COPY needs for longer than it runs, are given back. Those of thousands of tables would be more than a server has room for.
 */
export function copyOutAndRelease(
  session: Session,
  tasks: readonly CopyRange[],
): AsyncGenerator<CopyBatch, void, undefined> {
  return session.copyOut(sql`SAVEPOINT holdfast_copy; ${sql.join(tasks.map(copyStatement), sql`; `)};
    ROLLBACK TO SAVEPOINT holdfast_copy; RELEASE SAVEPOINT holdfast_copy`);
}

/** `ONLY`: rows of tables that inherit from it are those tables' own. */
function copyStatement({ columns, leaf, pages }: CopyRange): SQL {
  const bounds = [
    pages.from === null ? [] : sql`ctid >= ${firstOf(pages.from)}`,
    pages.to === null ? [] : sql`ctid < ${firstOf(pages.to)}`,
  ].flat();
  const where = bounds.length === 0 ? sql.empty() : sql` WHERE ${sql.join(bounds, sql` AND `)}`;
  return sql`COPY (SELECT ${columnList(columns)} FROM ONLY ${tableIdentifier(leaf)}${where}) TO STDOUT`;
}

/** The place before the first row of a page. */
const firstOf = (page: number): SQL => sql`${literal(`(${page},0)`)}::tid`;
