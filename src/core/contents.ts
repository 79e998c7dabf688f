// What an artifact holds, as lists show it: from its manifest, in the catalog's words.
import type { Manifest } from "./artifact.ts";
import { tableLabel, type Catalog } from "./catalog.ts";
import { HoldfastError } from "./errors.ts";
import { someNames } from "./some.ts";

export interface ArtifactContents {
  /** Names of entities, in the catalog's order. */
  readonly entities: readonly string[];
  /** Of every table. */
  readonly contents: readonly {
    readonly entity: string;
    /** `schema.name` */
    readonly table: string;
    readonly rows: number;
    readonly rawBytes: number;
  }[];
}

/** @throws HoldfastError FOREIGN_CONTENTS naming entities that the catalog does not have */
export function contentsOf(catalog: Catalog, manifest: Manifest): ArtifactContents {
  const held = new Set([
    ...manifest.entities.map(({ name }) => name),
    ...manifest.tables.map(({ entity }) => entity),
  ]);
  const unknown = [...held].filter((name) => !catalog.entities.has(name));
  if (unknown.length > 0) {
    throw new HoldfastError(
      "FOREIGN_CONTENTS",
      `The backup holds ${someNames(unknown, " and ")}, which the catalog does not have.`,
      { hint: "Take it to the Holdfast that has them in its catalog.", details: { entities: unknown } },
    );
  }
  return {
    entities: [...catalog.entities.keys()].filter((name) => held.has(name)),
    contents: manifest.tables.map((table) => ({
      entity: table.entity,
      table: tableLabel(table),
      rows: table.rows,
      rawBytes: table.rawBytes,
    })),
  };
}
