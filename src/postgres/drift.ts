// How the tables of a backup fit the live tables of their names: which columns are restored and which key matches the rows.
// What does not fit is named, all of it at once, before anything is loaded.
import type { ColumnShape, ManifestTable } from "../core/artifact.ts";
import { tableLabel } from "../core/catalog.ts";
import { HoldfastError } from "../core/errors.ts";
import { someClauses } from "../core/some.ts";
import { storedColumns, type LiveColumn, type TableShape } from "./table-shape.ts";
import { holdsEveryValue } from "./type-widening.ts";

/** A table of a backup beside the live table of its name. */
export interface Fit {
  readonly backup: ManifestTable;
  readonly live: TableShape;
  /** The columns that the backup's rows have, in the order of the COPY rows. */
  readonly columns: readonly string[];
  /** Columns that rows are matched by; empty: rows are compared as a whole. */
  readonly key: readonly string[];
  /** Live columns that the backup has no values for and the database does not compute. */
  readonly unknownColumns: readonly LiveColumn[];
}

/**
 * @param shapes the live tables, in the order of the backup's
 * @throws HoldfastError SCHEMA_DRIFT naming every difference that stands in the way
 */
export function fitTables(backups: readonly ManifestTable[], shapes: readonly TableShape[]): Fit[] {
  const faults: string[] = [];
  const fits = backups.flatMap((backup, place) => {
    const live = shapes[place];
    if (live === undefined) return [];
    const key = matchingKey(backup, live);
    faults.push(...columnFaults(backup, live));
    if (key === undefined) faults.push(keyFault(backup));
    const unknownColumns = columnsUnknownTo(backup, live);
    return { backup, live, columns: storedColumns(backup), key: key ?? [], unknownColumns };
  });
  if (faults.length > 0) throw schemaDrift(faults);
  return fits;
}

/** @param faults whole clauses, each naming its table */
export function schemaDrift(faults: readonly string[], cause?: unknown): HoldfastError {
  const message = `The database has changed since the backup: ${someClauses(faults)}.`;
  return new HoldfastError("SCHEMA_DRIFT", message, { cause, details: { differences: faults } });
}

/** Of columns that must have a value and would get none in a row that is inserted. */
export function requiredColumns(fit: Fit): string[] {
  return fit.unknownColumns
    .filter((column) => !column.nullable && column.default === null && column.identity === null)
    .map((column) => column.name);
}

function columnsUnknownTo(backup: ManifestTable, live: TableShape): LiveColumn[] {
  const known = new Set(storedColumns(backup));
  return live.columns.filter((column) => column.generated === null && !known.has(column.name));
}

function columnFaults(backup: ManifestTable, live: TableShape): string[] {
  const label = tableLabel(backup);
  const byName = new Map(live.columns.map((column) => [column.name, column]));
  const unknown = columnsUnknownTo(backup, live);
  const faults = backup.columns
    .filter((column) => column.generated === null)
    .map((column) => columnFault(column, byName.get(column.name)) ?? missingFault(column, byName, unknown));
  return faults.filter((fault) => fault !== undefined).map((fault) => `${label} ${fault}`);
}

/** A column that the backup does not know and that could hold the values may be the missing one under a new name. */
function missingFault(
  backup: ColumnShape,
  live: ReadonlyMap<string, LiveColumn>,
  unknown: readonly LiveColumn[],
): string | undefined {
  if (live.has(backup.name)) return undefined;
  const heirs = unknown.filter((column) => holdsEveryValue(column.type, backup.type));
  const rename =
    heirs.length === 0 ? "" : ` (renamed to ${heirs.map((column) => column.name).join(" or ")}?)`;
  return `has no column ${backup.name}${rename}`;
}

function columnFault(backup: ColumnShape, live: LiveColumn | undefined): string | undefined {
  if (live === undefined) return undefined;
  if (live.generated !== null) return `computes the column ${backup.name}, which the backup has values for`;
  if (holdsEveryValue(live.type, backup.type)) return undefined;
  return `has ${backup.name} as ${live.type}, where the backup has ${backup.type}`;
}

/** Undefined where the backup has a key that the live table does not guard; empty where neither has one. */
function matchingKey(backup: ManifestTable, live: TableShape): readonly string[] | undefined {
  if (backup.key.length === 0)
    return live.key.every((name) => storedColumns(backup).includes(name)) ? live.key : [];
  const wanted = new Set(backup.key);
  const guarded = live.uniqueKeys.some(
    (columns) => columns.length === wanted.size && columns.every((column) => wanted.has(column)),
  );
  return guarded ? backup.key : undefined;
}

function keyFault(backup: ManifestTable): string {
  const columns = backup.key.join(", ");
  return `${tableLabel(backup)} has no unique index over (${columns}), by which the backup's rows are told apart`;
}
