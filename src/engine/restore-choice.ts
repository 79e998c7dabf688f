// Which of an artifact's tables a restore takes, and where to: the catalog decides what may be written, never the artifact.
import type { Manifest, ManifestTable } from "../core/artifact.ts";
import { entityNamed, tableLabel, type Catalog, type Entity, type TableName } from "../core/catalog.ts";
import { HoldfastError } from "../core/errors.ts";
import type { TableOwners } from "../postgres/references.ts";
import { selectorsOf, type RowSelector } from "../core/row-selection.ts";
import type { RowSelection } from "../core/run.ts";
import { someNames } from "../core/some.ts";

export interface RestoreChoice {
  /** In the catalog's order. */
  readonly entities: readonly string[];
  /** By name, so that every restore goes through them in the same order. */
  readonly databases: readonly DatabaseChoice[];
}

/** What of a restore is in one database. */
export interface DatabaseChoice {
  readonly name: string;
  readonly tables: readonly ChosenTable[];
  /** Entities of which not all rows are taken. */
  readonly chosenRows: readonly { readonly first: TableName; readonly selectors: readonly RowSelector[] }[];
  readonly catalog: TableOwners;
}

export interface ChosenTable {
  /** The table's place in the manifest, by which parts name it. */
  readonly position: number;
  readonly table: ManifestTable;
}

/** @throws HoldfastError FOREIGN_CONTENTS naming each entity that the artifact holds besides `names` */
export function checkWithin(manifest: Manifest, names: readonly string[]): void {
  const foreign = manifest.entities.filter((entity) => !names.includes(entity.name));
  if (foreign.length === 0) return;
  const labels = foreign.map(({ name, group }) => `${name} (of ${group})`);
  throw new HoldfastError(
    "FOREIGN_CONTENTS",
    `The backup holds ${someNames(labels, " and ")}, which cannot be restored here.`,
    {
      hint: "Restore it where all of its entities may be restored; nothing was changed.",
      details: { entities: foreign.map(({ name }) => name) },
    },
  );
}

/**
 * @param names of entities; left out: every entity that the artifact holds, or those that `rows` are of
 * @param rows as `checkRowSelections` gives them; their entities take part even if they are not named
 * @throws HoldfastError BAD_INPUT for a name that the catalog lacks; ENTITY_NOT_IN_BACKUP naming each; FOREIGN_CONTENTS where
 *   the artifact has an entity or a table that the catalog does not give it
 */
export function chooseTables(
  catalog: Catalog,
  manifest: Manifest,
  names: readonly string[] | undefined,
  rows: readonly RowSelection[] = [],
): RestoreChoice {
  const held = new Set(manifest.entities.map((entity) => entity.name));
  const named =
    names === undefined && rows.length === 0 ? undefined : [...(names ?? []), ...rows.map(entityOf)];
  for (const name of named ?? []) entityNamed(catalog, name);
  const absent = [...new Set(named)].filter((name) => !held.has(name));
  if (absent.length > 0) {
    throw new HoldfastError(
      "ENTITY_NOT_IN_BACKUP",
      `The backup does not hold ${someNames(absent, " or ")}.`,
      {
        hint: `The backup holds ${someNames([...held])}.`,
        details: { entities: absent },
      },
    );
  }
  const wanted = new Set(named ?? held);
  const unknown = [...wanted].filter((name) => !catalog.entities.has(name));
  if (unknown.length > 0) {
    throw new HoldfastError(
      "FOREIGN_CONTENTS",
      `The catalog has no ${someNames(unknown, " and no ")}, which the backup holds.`,
    );
  }
  const entities = [...catalog.entities.values()].filter((entity) => wanted.has(entity.name));
  if (entities.length === 0)
    throw new HoldfastError("BAD_INPUT", "The choice is empty: name at least one entity.");
  const tables = manifest.tables
    .map((table, position) => ({ position, table }))
    .filter(({ table }) => wanted.has(table.entity));
  const byDatabase = Map.groupBy(entities, (entity) => entity.database);
  const databases = [...byDatabase].map(([name, own]) => chooseInDatabase(catalog, name, own, tables, rows));
  const foreign = tables.filter((chosen) => !databases.some((database) => database.tables.includes(chosen)));
  if (foreign.length > 0) {
    const labels = foreign.map(({ table }) => tableLabel(table));
    throw new HoldfastError(
      "FOREIGN_CONTENTS",
      `The catalog does not give the entity ${someNames(labels, " and ")}.`,
    );
  }
  return {
    entities: entities.map((entity) => entity.name),
    databases: databases.toSorted((one, other) => (one.name < other.name ? -1 : 1)),
  };
}

const entityOf = ({ entity }: RowSelection): string => entity;

function chooseInDatabase(
  catalog: Catalog,
  name: string,
  entities: readonly Entity[],
  tables: readonly ChosenTable[],
  rows: readonly RowSelection[],
): DatabaseChoice {
  const owners = new Map(
    [...catalog.entities.values()]
      .filter((entity) => entity.database === name)
      .flatMap((entity) => entity.tables.map((table) => [nameKey(table), entity.name])),
  );
  const own = new Set(entities.map((entity) => entity.name));
  const chosen = tables.filter(
    ({ table }) => own.has(table.entity) && owners.get(nameKey(table)) === table.entity,
  );
  return {
    name,
    tables: chosen,
    chosenRows: entities.flatMap((entity) => {
      const selectors = selectorsOf(rows.filter((selection) => selection.entity === entity.name));
      return selectors.length === 0 ? [] : { first: firstTable(entity, chosen), selectors };
    }),
    catalog: {
      entityOf: (table) => owners.get(nameKey(table)),
      isFirst: (table) => {
        const [first] = catalog.entities.get(owners.get(nameKey(table)) ?? "")?.tables ?? [];
        return first !== undefined && nameKey(first) === nameKey(table);
      },
      partial: new Set(rows.map(entityOf)),
    },
  };
}

/** A label would take `"a.b"."c"` for `"a"."b.c"`. */
const nameKey = ({ schema, name }: TableName): string => JSON.stringify([schema, name]);

function firstTable(entity: Entity, chosen: readonly ChosenTable[]): TableName {
  const [first] = entity.tables;
  if (first !== undefined && chosen.some(({ table }) => nameKey(table) === nameKey(first))) return first;
  throw new HoldfastError(
    "FOREIGN_CONTENTS",
    `The backup does not hold ${first === undefined ? "" : tableLabel(first)}, of which rows of ${entity.name} are chosen.`,
  );
}
