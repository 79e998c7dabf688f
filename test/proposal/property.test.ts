// Whatever a database looks like, every table has one place in the proposal, under a name that the catalog takes.
import fc from "fast-check";
import { expect, it } from "vitest";
import { catalogName, isCatalogName, tableLabel } from "../../src/core/catalog.ts";
import type { Inventory, InventoryReference, InventoryRelation } from "../../src/core/inventory.ts";
import { SYSTEM_GROUPS } from "../../src/core/system-catalog.ts";
import { propose } from "../../src/proposal/propose.ts";

const names = fc.oneof(
  fc.constantFrom(
    "users",
    "Users",
    "order",
    "orders",
    "order_items",
    "audit_log",
    "groups",
    "1st",
    "ß",
    "a b",
  ),
  fc.string({ unit: "grapheme", minLength: 1, maxLength: 8 }),
);

const inventories: fc.Arbitrary<Inventory> = fc
  .uniqueArray(fc.record({ schema: fc.constantFrom("public", "shop", "audit"), name: names }), {
    selector: tableLabel,
    maxLength: 20,
  })
  .chain((tables) =>
    fc
      .record({
        shapes: fc.tuple(
          ...tables.map(() =>
            fc.record({
              keyed: fc.boolean(),
              temporal: fc.boolean(),
              rows: fc.integer({ min: 0, max: 500_000 }),
              heir: fc.option(fc.nat(tables.length - 1)),
            }),
          ),
        ),
        ends: fc.array(
          fc.record({
            from: fc.nat(Math.max(0, tables.length - 1)),
            to: fc.nat(Math.max(0, tables.length - 1)),
            required: fc.boolean(),
            cascades: fc.boolean(),
            inKey: fc.boolean(),
          }),
          { maxLength: tables.length === 0 ? 0 : 40 },
        ),
      })
      .map(({ shapes, ends }) => inventoryOf(tables, shapes, ends)),
  );

function inventoryOf(
  tables: readonly { schema: string; name: string }[],
  shapes: readonly { keyed: boolean; temporal: boolean; rows: number; heir: number | null }[],
  ends: readonly { from: number; to: number; required: boolean; cascades: boolean; inKey: boolean }[],
): Inventory {
  const relations = tables.map(({ schema, name }, oid): InventoryRelation => {
    const shape = shapes[oid];
    const own = ends.flatMap((end, at) => (end.from === oid ? { ...end, column: `r${at}_id` } : []));
    const keyed = own.filter((end) => end.inKey && end.required).map((end) => end.column);
    return {
      ...{ schema, name, oid, kind: "TABLE", temporary: false, extension: null, partitionOf: null },
      inheritsFrom: shape?.heir == null || shape.heir >= oid ? [] : [shape.heir],
      columns: [
        { name: "id", nullable: false, temporal: false },
        ...(shape?.temporal === true ? [{ name: "at", nullable: false, temporal: true }] : []),
        ...own.map((end) => ({ name: end.column, nullable: !end.required, temporal: false })),
      ],
      primaryKey: shape?.keyed === true ? (keyed.length > 0 ? keyed : ["id"]) : [],
      uniqueKeys: [],
      estimatedRows: shape?.rows ?? null,
      sizeBytes: 0,
      writes: { inserted: shape?.rows ?? 0, updated: 0, deleted: 0 },
      readable: true,
      rowSecurityActive: false,
    };
  });
  const references = ends.map((end, at): InventoryReference => ({
    from: end.from,
    to: end.to,
    columns: [`r${at}_id`],
    referencedColumns: ["id"],
    cascades: end.cascades,
  }));
  return { role: "tester", database: "made up", relations, references };
}

it("gives every table one place, and every entity and group a name of its own", () => {
  fc.assert(
    fc.property(inventories, (inventory) => {
      const { groups, leftOut } = propose(inventory);
      const entities = groups.flatMap((group) => group.entities);
      const places = [...entities.flatMap((entity) => entity.tables), ...leftOut].map(tableLabel);
      expect(places.toSorted()).toEqual(inventory.relations.map(tableLabel).toSorted());
      const entityNames = [
        ...Object.values(SYSTEM_GROUPS).flatMap(Object.keys),
        ...entities.map(({ name }) => catalogName(name)),
      ];
      const groupNames = [...Object.keys(SYSTEM_GROUPS), ...groups.map(({ name }) => catalogName(name))];
      for (const all of [entityNames, groupNames]) {
        expect(all.filter((name) => !isCatalogName(name))).toEqual([]);
        expect(new Set(all).size).toBe(all.length);
      }
      expect(groups.filter((group) => group.entities.length === 0)).toEqual([]);
      expect(propose(inventory)).toEqual(propose(inventory));
    }),
    { numRuns: 100 },
  );
});
