// What a backup will hold, and what of it there is so far.
import type { ManifestPart, ManifestTable } from "../core/artifact.ts";
import { tableLabel, type Entity } from "../core/catalog.ts";
import { sumUp, type PhaseTotals } from "../core/progress.ts";
import type { TableTotals } from "../core/table-progress.ts";
import type { Database } from "../postgres/connect.ts";
import type { Snapshot } from "../postgres/snapshot.ts";
import { manifestTable, type TableShape } from "../postgres/table-shape.ts";
import type { CopiedRange } from "./copy-piece.ts";

/** One of the databases that are backed up. */
export interface OpenSource {
  readonly database: Database;
  readonly entities: readonly Entity[];
  readonly snapshot: Snapshot;
}

/** The manifest's tables and parts as they fill up. */
export interface Contents {
  readonly tables: ManifestTable[];
  readonly parts: ManifestPart[];
  /** Of each table, by its place in `tables`: the sum of each of its copies. */
  readonly sums: ReadonlyMap<number, bigint[]>;
  /** Where a live table stands in `tables`. */
  readonly positions: ReadonlyMap<TableShape, number>;
  readonly estimate: PhaseTotals;
}

export function describeContents(sources: readonly OpenSource[]): Contents {
  const tables: ManifestTable[] = [];
  const positions = new Map<TableShape, number>();
  const estimates: TableTotals[] = [];
  for (const { database, entities, snapshot } of sources) {
    // The snapshot has its tables in the order in which the entities name them.
    const owners = entities.flatMap((entity) => entity.tables.map(() => entity.name));
    for (const [index, shape] of snapshot.tables.entries()) {
      positions.set(shape, tables.length);
      const entity = owners[index] ?? fail("a table of no entity");
      tables.push({ ...manifestTable(shape), entity, database: database.name, rows: 0, rawBytes: 0 });
      const { estimatedRows: rows, sizeBytes: bytes } = shape;
      estimates.push({ entity, table: tableLabel(shape), rows, bytes });
    }
  }
  return {
    tables,
    parts: [],
    sums: new Map(tables.keys().map((position) => [position, []])),
    positions,
    estimate: sumUp(estimates),
  };
}

/** Takes in what a range of a table has come to, all at once. */
export function noteCopied(contents: Contents, shape: TableShape, { parts, sum }: CopiedRange): void {
  const { position, table } = tableOf(contents, shape);
  for (const part of parts) {
    contents.parts.push({ ...part, table: position });
    table.rows += part.rows;
    table.rawBytes += part.rawBytes;
  }
  contents.sums.get(position)?.push(sum);
}

/** A live table's place in the manifest. */
export function tableOf(
  { positions, tables }: Contents,
  shape: TableShape,
): { readonly position: number; readonly table: ManifestTable } {
  const position = positions.get(shape) ?? fail("a copy of no table of the manifest");
  return { position, table: tables[position] ?? fail("a copy of no table of the manifest") };
}

function fail(message: string): never {
  throw new Error(message);
}
