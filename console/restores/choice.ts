// What is to be restored, and how: as it is chosen, as the server takes it, and as a run tells of it.
import type { BackupRun, RestoreRun } from "../graphql/fragments.ts";
import type { Entity, RestoreMode } from "../graphql/tada.ts";
import type { CatalogView } from "../parts/catalog.ts";

export interface Choice {
  readonly entities: ReadonlySet<Entity>;
  readonly mode: RestoreMode;
  /** undefined: all rows of the entities. Otherwise these alone, and their entities are what is restored. */
  readonly rows: readonly RowChoice[] | undefined;
}

/** Rows of an entity's first table: the one with a key, or those with a value in each of some columns. */
export interface RowChoice {
  readonly entity: Entity;
  readonly by: "key" | "columns";
  readonly key: string;
  readonly columns: readonly ColumnChoice[];
}

export interface ColumnChoice {
  readonly column: string;
  readonly equals: string;
}

export const NO_COLUMN: ColumnChoice = { column: "", equals: "" };

export function noRow(entity: Entity): RowChoice {
  return { entity, by: "key", key: "", columns: [NO_COLUMN] };
}

export function writableEntities(backup: BackupRun, { entities }: CatalogView): Entity[] {
  return backup.entities.filter((name) => entities.get(name)?.writable === true);
}

/** One thing is what people mostly come to put back: of several, they choose. */
export function choiceByDefault(backup: BackupRun, catalog: CatalogView): Choice {
  const writable = writableEntities(backup, catalog);
  return { entities: new Set(writable.length === 1 ? writable : []), mode: "MERGE", rows: undefined };
}

export function choiceOf({ entities, mode, selectedRows }: RestoreRun): Choice {
  return {
    entities: new Set(entities),
    mode,
    rows: selectedRows?.flatMap(({ entity, keys, match }): RowChoice[] =>
      match.length > 0
        ? [{ entity, by: "columns", key: "", columns: match }]
        : keys.map((key) => ({ ...noRow(entity), key })),
    ),
  };
}

/** As the server takes it. */
export function choiceInput({ entities, mode, rows }: Choice) {
  if (rows === undefined) return { mode, entities: [...entities] };
  return {
    mode,
    rows: rows.map(({ entity, by, key, columns }) =>
      by === "key"
        ? { entity, keys: [key.trim()] }
        : { entity, match: columns.map(({ column, equals }) => ({ column: column.trim(), equals })) },
    ),
  };
}

/** What is missing; undefined where nothing is. */
export function choiceFault({ entities, mode, rows }: Choice): string | undefined {
  if (rows === undefined)
    return entities.size === 0 ? "Choose what to put back: at least one entity." : undefined;
  if (mode === "REPLACE")
    return "Replacing is of whole entities: it would delete every row that was not chosen.";
  if (rows.length === 0) return "Say which rows to put back.";
  const lacking = rows.some(({ by, key, columns }) =>
    by === "key" ? key.trim() === "" : columns.some(({ column }) => column.trim() === ""),
  );
  return lacking ? "Say of every row which one it is: by its key, or by values in its columns." : undefined;
}

/** "key 42", "name = Welcome, locale = en". */
export function rowText({ keys, match }: NonNullable<RestoreRun["selectedRows"]>[number]): string {
  return [
    ...keys.map((key) => `key ${key}`),
    ...(match.length === 0 ? [] : [match.map(({ column, equals }) => `${column} = ${equals}`).join(", ")]),
  ].join(", ");
}
