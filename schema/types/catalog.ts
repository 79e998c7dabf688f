// Catalog: what can be backed up, and what of it the caller may.
import { tableLabel, type Catalog, type Entity, type EntityGroup } from "../../src/core/catalog.ts";
import { mayAccess } from "../../src/runs/access.ts";
import { builder } from "../builder.ts";
import { signedIn, type EntityFacts } from "../context.ts";
import { EntityEnum, EntityGroupEnum, PermissionEnum } from "../enums.ts";

/** The facts are asked for once for a whole catalog, and only where a field needs them. */
interface WithFacts {
  readonly facts: () => Promise<ReadonlyMap<string, EntityFacts>>;
}

const CatalogEntityType = builder
  .objectRef<WithFacts & { readonly entity: Entity }>("CatalogEntity")
  .implement({
    fields: (t) => ({
      name: t.field({ type: EntityEnum, resolve: ({ entity }) => entity.name }),
      label: t.string({ resolve: ({ entity }) => entity.label }),
      optIn: t.boolean({ resolve: ({ entity }) => entity.optIn }),
      tables: t.stringList({ resolve: ({ entity }) => entity.tables.map(tableLabel) }),
      readPermissions: t.field({
        type: [PermissionEnum],
        resolve: ({ entity }) => [...entity.readPermissions],
      }),
      writePermissions: t.field({
        type: [PermissionEnum],
        resolve: ({ entity }) => [...entity.writePermissions],
      }),
      readable: t.boolean({
        description: "Whether the caller holds them.",
        resolve: ({ entity }, _, context) =>
          mayAccess(context.catalog, signedIn(context), [entity.name], "READ"),
      }),
      writable: t.boolean({
        resolve: ({ entity }, _, context) =>
          mayAccess(context.catalog, signedIn(context), [entity.name], "WRITE"),
      }),
      dependsOn: t.field({
        type: [EntityEnum],
        resolve: async ({ entity, facts }) => [...((await facts()).get(entity.name)?.dependsOn ?? [])],
      }),
      estimatedRows: t.field({
        type: "SafeInt",
        nullable: true,
        resolve: async ({ entity, facts }) => (await facts()).get(entity.name)?.estimatedRows,
      }),
    }),
  });

const CatalogGroupType = builder
  .objectRef<WithFacts & { readonly group: EntityGroup }>("CatalogGroup")
  .implement({
    fields: (t) => ({
      name: t.field({ type: EntityGroupEnum, resolve: ({ group }) => group.name }),
      entities: t.field({
        type: [CatalogEntityType],
        resolve: ({ group, facts }) => group.entities.map((entity) => ({ entity, facts })),
      }),
    }),
  });

const CatalogType = builder.objectRef<WithFacts & { readonly catalog: Catalog }>("Catalog").implement({
  fields: (t) => ({
    groups: t.field({
      type: [CatalogGroupType],
      resolve: ({ catalog, facts }) => catalog.groups.map((group) => ({ group, facts })),
    }),
  }),
});

builder.queryField("catalog", (t) =>
  t.field({
    type: CatalogType,
    requires: [],
    resolve: (_, _args, { catalog, catalogFacts }) => {
      let asked: ReturnType<typeof catalogFacts> | undefined;
      return { catalog, facts: () => (asked ??= catalogFacts()) };
    },
  }),
);
