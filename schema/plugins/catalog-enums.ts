// A Pothos plugin: gives the enums Entity, EntityGroup and Permission their values from the catalog when the schema is built.
import SchemaBuilder, { BasePlugin, type PothosTypeConfig, type SchemaTypes } from "@pothos/core";
import { MANAGE_BACKUPS, RESTORE_UNTRUSTED, type Catalog } from "../../src/core/catalog.ts";

declare global {
  export namespace PothosSchemaTypes {
    interface BuildSchemaOptions<Types extends SchemaTypes> {
      /** What can be backed up, and with which permissions. */
      catalog: Catalog;
    }
    interface Plugins<Types extends SchemaTypes> {
      catalogEnums: CatalogEnumsPlugin<Types>;
    }
  }
}

/** What an enum's values are called, in order, with what may be said of them. */
type Values = Readonly<Record<string, { readonly description?: string }>>;

const named = (names: Iterable<string>): Values => Object.fromEntries([...names].map((name) => [name, {}]));

const VALUES: Readonly<Record<string, (catalog: Catalog) => Values>> = {
  Entity: (catalog) => named(catalog.entities.keys()),
  EntityGroup: (catalog) => named(catalog.groups.map(({ name }) => name)),
  Permission: (catalog) => ({
    ...named(catalog.permissions),
    [MANAGE_BACKUPS]: { description: "Schedules, retention, pruning, deleting, pinning, importing." },
    [RESTORE_UNTRUSTED]: {
      description: "Restoring what nothing vouches for, and saying whose signatures are trusted.",
    },
  }),
};

class CatalogEnumsPlugin<Types extends SchemaTypes> extends BasePlugin<Types> {
  override onTypeConfig(typeConfig: PothosTypeConfig): PothosTypeConfig {
    const valuesOf = typeConfig.kind === "Enum" ? VALUES[typeConfig.name] : undefined;
    if (typeConfig.kind !== "Enum" || valuesOf === undefined) return typeConfig;
    return { ...typeConfig, values: { ...valuesOf(this.options.catalog) } };
  }
}

SchemaBuilder.registerPlugin("catalogEnums", CatalogEnumsPlugin);
