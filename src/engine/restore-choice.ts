// Which of an artifact's tables a restore takes, and where to: the catalog decides what may be written, never the artifact.
import type { Manifest, ManifestTable } from "../core/artifact.ts";
import { entityNamed, tableLabel, type Catalog, type TableName } from "../core/catalog.ts";
import { HoldfastError } from "../core/errors.ts";

export interface RestoreChoice {
  /** In the catalog's order. */
  readonly entities: readonly string[];
  /** The one database that all of them are in. */
  readonly database: string;
  /** `position` is the table's place in the manifest, by which parts name it. */
  readonly tables: readonly { readonly position: number; readonly table: ManifestTable }[];
  /** Which entity of the catalog has a table of the database. */
  readonly entityOf: (table: TableName) => string | undefined;
  /** The entity of the table at a place in the manifest. */
  readonly entityAt: (position: number) => string;
}

/** @throws HoldfastError FOREIGN_CONTENTS naming each entity that the artifact holds besides `names` */
export function checkWithin(manifest: Manifest, names: readonly string[]): void {
  const foreign = manifest.entities.filter((entity) => !names.includes(entity.name));
  if (foreign.length === 0) return;
  const labels = foreign.map(({ name, group }) => `${name} (of ${group})`);
  throw new HoldfastError(
    "FOREIGN_CONTENTS",
    `The backup holds ${labels.join(" and ")}, which cannot be restored here.`,
    {
      hint: "Restore it where all of its entities may be restored; nothing was changed.",
      details: { entities: foreign.map(({ name }) => name) },
    },
  );
}

/**
 * @param names of entities; left out: every entity that the artifact holds
 * @throws HoldfastError BAD_INPUT for a name that the catalog lacks, and for entities of several databases: no transaction
 *   spans two; ENTITY_NOT_IN_BACKUP naming each; FOREIGN_CONTENTS where the artifact has an entity or a table that the
 *   catalog does not give it
 */
export function chooseTables(
  catalog: Catalog,
  manifest: Manifest,
  names: readonly string[] | undefined,
): RestoreChoice {
  const held = new Set(manifest.entities.map((entity) => entity.name));
  for (const name of names ?? []) entityNamed(catalog, name);
  const absent = (names ?? []).filter((name) => !held.has(name));
  if (absent.length > 0) {
    throw new HoldfastError("ENTITY_NOT_IN_BACKUP", `The backup does not hold ${absent.join(" or ")}.`, {
      hint: `The backup holds ${[...held].join(", ")}.`,
      details: { entities: absent },
    });
  }
  const wanted = new Set(names ?? held);
  const unknown = [...wanted].filter((name) => !catalog.entities.has(name));
  if (unknown.length > 0) {
    throw new HoldfastError(
      "FOREIGN_CONTENTS",
      `The catalog has no ${unknown.join(" and no ")}, which the backup holds.`,
    );
  }
  const entities = [...catalog.entities.values()].filter((entity) => wanted.has(entity.name));
  const [database, ...others] = new Set(entities.map((entity) => entity.database));
  if (database === undefined)
    throw new HoldfastError("BAD_INPUT", "The choice is empty: name at least one entity.");
  if (others.length > 0) {
    throw new HoldfastError(
      "BAD_INPUT",
      `The chosen entities are in the databases ${[database, ...others].join(" and ")}.`,
      {
        hint: "Restore the entities of each database by themselves: one transaction cannot span two databases.",
      },
    );
  }
  const owners = new Map(
    [...catalog.entities.values()]
      .filter((entity) => entity.database === database)
      .flatMap((entity) => entity.tables.map((table) => [tableLabel(table), entity.name])),
  );
  const entityOf = (table: TableName) => owners.get(tableLabel(table));
  const tables = manifest.tables
    .map((table, position) => ({ position, table }))
    .filter(({ table }) => wanted.has(table.entity));
  const foreign = tables
    .filter(({ table }) => entityOf(table) !== table.entity)
    .map(({ table }) => tableLabel(table));
  if (foreign.length > 0) {
    throw new HoldfastError(
      "FOREIGN_CONTENTS",
      `The catalog does not give the entity ${foreign.join(" and ")}.`,
    );
  }
  return {
    entities: entities.map((entity) => entity.name),
    database,
    tables,
    entityOf,
    entityAt: (position) => manifest.tables[position]?.entity ?? "",
  };
}
