// What a restore is to do, said once more and as plainly as possible: whole states in memory, no diffs, no SQL. The property tests hold
// the real thing against it.
import type { RestoreMode } from "../../src/core/run.ts";

export type Value = string | number | null;
export type Row = Readonly<Record<string, Value>>;
/** Rows of each table, by its name. */
export type State = Readonly<Record<string, readonly Row[]>>;

export interface ModelTable {
  readonly name: string;
  readonly entity: string;
  /** Columns that the backup has. */
  readonly columns: readonly string[];
  /** Columns of the live table alone, with their defaults. */
  readonly unknown: Readonly<Record<string, Value>>;
  /** Empty: none. */
  readonly key: readonly string[];
  readonly uniques: readonly (readonly string[])[];
  readonly references: readonly ModelReference[];
}

export interface ModelReference {
  readonly columns: readonly string[];
  readonly to: string;
  readonly toColumns: readonly string[];
}

export type Refusal = "MISSING_REFERENCES" | "STILL_REFERENCED" | "UNIQUE_CONFLICT";

export type Prediction =
  | { readonly refusal: Refusal }
  | { readonly state: State; readonly changes: Readonly<Record<string, string>> };

const rowsOf = (state: State, table: string): readonly Row[] => state[table] ?? [];
const image = (row: Row, columns: readonly string[]): string =>
  JSON.stringify(columns.map((column) => row[column]));

/** @param entities those that are restored */
export function predict(
  tables: readonly ModelTable[],
  live: State,
  backup: State,
  mode: RestoreMode,
  entities: ReadonlySet<string>,
): Prediction {
  const state: Record<string, readonly Row[]> = { ...live };
  const changes: Record<string, string> = {};
  const kept = new Map<string, ReadonlySet<Row>>();
  for (const table of tables) {
    const own = rowsOf(live, table.name);
    kept.set(table.name, new Set(own));
    if (!entities.has(table.entity)) continue;
    const merge = table.key.length > 0 ? mergeByKey : mergeWhole;
    const { rows, counts } = merge(table, own, rowsOf(backup, table.name), mode);
    state[table.name] = rows;
    changes[table.name] = counts.join("/");
  }
  const refusal = refusalOf(tables, state, kept);
  return refusal === undefined ? { state, changes } : { refusal };
}

interface Merged {
  readonly rows: readonly Row[];
  /** inserted, updated, unchanged, deleted */
  readonly counts: readonly number[];
}

function mergeByKey(
  table: ModelTable,
  live: readonly Row[],
  backup: readonly Row[],
  mode: RestoreMode,
): Merged {
  const before = new Map(live.map((row) => [image(row, table.key), row]));
  const after = new Map(mode === "REPLACE" ? [] : before);
  let [inserted, updated, unchanged] = [0, 0, 0];
  for (const row of backup) {
    const key = image(row, table.key);
    const old = before.get(key);
    if (old === undefined) {
      inserted += 1;
      after.set(key, { ...table.unknown, ...row });
    } else if (mode === "INSERT_MISSING" || image(old, table.columns) === image(row, table.columns)) {
      unchanged += 1;
      after.set(key, old);
    } else {
      updated += 1;
      after.set(key, { ...old, ...row });
    }
  }
  const deleted = [...before.keys()].filter((key) => !after.has(key)).length;
  return { rows: [...after.values()], counts: [inserted, updated, unchanged, deleted] };
}

/** Rows without a key are there as often as they are. */
function mergeWhole(
  table: ModelTable,
  live: readonly Row[],
  backup: readonly Row[],
  mode: RestoreMode,
): Merged {
  const spare = [...live];
  const matched: Row[] = [];
  const missing: Row[] = [];
  for (const row of backup) {
    const place = spare.findIndex(
      (candidate) => image(candidate, table.columns) === image(row, table.columns),
    );
    const [found] = place < 0 ? [] : spare.splice(place, 1);
    if (found === undefined) missing.push({ ...table.unknown, ...row });
    else matched.push(found);
  }
  const deleted = mode === "REPLACE" ? spare.length : 0;
  const rest = mode === "REPLACE" ? [] : spare;
  return { rows: [...matched, ...missing, ...rest], counts: [missing.length, 0, matched.length, deleted] };
}

/** A row that refers to nothing is to blame if the restore put it there, else whatever took away what it referred to. */
function refusalOf(
  tables: readonly ModelTable[],
  state: State,
  kept: ReadonlyMap<string, ReadonlySet<Row>>,
): Refusal | undefined {
  const dangling = tables.flatMap((table) =>
    table.references.flatMap((reference) =>
      danglingRows(state, table, reference).map((row) => kept.get(table.name)?.has(row) === true),
    ),
  );
  if (dangling.includes(false)) return "MISSING_REFERENCES";
  if (dangling.includes(true)) return "STILL_REFERENCED";
  const doubled = tables.some((table) =>
    table.uniques.some((columns) => doubledRows(rowsOf(state, table.name), columns).length > 0),
  );
  return doubled ? "UNIQUE_CONFLICT" : undefined;
}

function danglingRows(state: State, table: ModelTable, reference: ModelReference): Row[] {
  const targets = new Set(rowsOf(state, reference.to).map((row) => image(row, reference.toColumns)));
  return rowsOf(state, table.name).filter(
    (row) =>
      reference.columns.every((column) => row[column] !== null) &&
      !targets.has(image(row, reference.columns)),
  );
}

function doubledRows(rows: readonly Row[], columns: readonly string[]): Row[] {
  const seen = new Set<string>();
  return rows.filter((row) => {
    if (columns.some((column) => row[column] === null)) return false;
    const value = image(row, columns);
    if (seen.has(value)) return true;
    seen.add(value);
    return false;
  });
}

/** The state without rows that have the key (or, as `uniques` says, a unique value) of an earlier one. */
export function withoutDoubles(tables: readonly ModelTable[], state: State, uniques: boolean): State {
  const rows = new Map(tables.map((table) => [table.name, rowsOf(state, table.name)]));
  for (const table of tables) {
    for (const columns of [table.key, ...(uniques ? table.uniques : [])].filter(
      (unique) => unique.length > 0,
    )) {
      const doubled = new Set(doubledRows(rows.get(table.name) ?? [], columns));
      rows.set(
        table.name,
        (rows.get(table.name) ?? []).filter((row) => !doubled.has(row)),
      );
    }
  }
  return Object.fromEntries(rows);
}

/** The state without what no database would hold: rows with a value that is taken, references to nothing. */
export function repair(tables: readonly ModelTable[], state: State): State {
  const rows = new Map(Object.entries(withoutDoubles(tables, state, true)));
  for (;;) {
    const current: State = Object.fromEntries(rows);
    let repaired = false;
    for (const table of tables) {
      for (const reference of table.references) {
        const dangling = new Set(danglingRows(current, table, reference));
        if (dangling.size === 0) continue;
        repaired = true;
        const loose: Row = Object.fromEntries(reference.columns.map((column) => [column, null]));
        const canBeNull = !reference.columns.some((column) => table.key.includes(column));
        const own = rows.get(table.name) ?? [];
        const repairedRows = canBeNull
          ? own.map((row) => (dangling.has(row) ? { ...row, ...loose } : row))
          : own.filter((row) => !dangling.has(row));
        rows.set(table.name, repairedRows);
      }
    }
    if (!repaired) return current;
  }
}
