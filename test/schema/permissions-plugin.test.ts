// What the schema says of its own protection, and that a field without any does not build.
import SchemaBuilder from "@pothos/core";
import { printSchemaWithDirectives } from "@graphql-tools/utils";
import { describe, expect, it } from "vitest";
import type { Types } from "../../schema/builder.ts";
import { buildSchema } from "../../schema/schema.ts";
import { buildCatalog } from "../../src/core/catalog.ts";
import { platformCatalog } from "../../src/core/platform-catalog.ts";

function createBuilder() {
  const builder = new SchemaBuilder<Types>({
    plugins: ["catalogEnums", "permissions"],
    defaultFieldNullability: false,
  });
  builder.queryType();
  builder.enumType("Access", { values: ["READ", "WRITE"] });
  builder.enumType("Permission", { values: {} });
  builder.scalarType("DateTime", { serialize: String });
  builder.scalarType("SafeInt", { serialize: Number });
  return builder;
}

describe("a root field", () => {
  it("that does not say what it requires does not build", () => {
    const builder = createBuilder();
    builder.queryField("open", (t) => t.boolean({ resolve: () => true }));
    expect(() => builder.toSchema({ catalog: platformCatalog })).toThrow(
      "Query.open must say public, or requires or requiresEntities or both.",
    );
  });

  it("that is open and protected at once does not build", () => {
    const builder = createBuilder();
    builder.queryField("both", (t) => t.boolean({ public: true, requires: [], resolve: () => true }));
    expect(() => builder.toSchema({ catalog: platformCatalog })).toThrow("Query.both must say public, or");
  });

  it("that requires a permission unknown to the catalog does not build", () => {
    const builder = createBuilder();
    builder.queryField("odd", (t) => t.boolean({ requires: ["READ_MINDS"], resolve: () => true }));
    expect(() => builder.toSchema({ catalog: platformCatalog })).toThrow("Query.odd requires READ_MINDS");
  });
});

describe("the schema", () => {
  it("prints what each root field requires; two are open to all", () => {
    const schema = buildSchema(platformCatalog);
    const printed = printSchemaWithDirectives(schema);
    const roots = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()];
    const fields = roots.flatMap((type) => Object.keys(type?.getFields() ?? {}));
    // Arguments with a description stand on lines of their own.
    const required = (name: string): RegExp => new RegExp(`^  ${name}(\\([^)]*\\))?: .*@requires`, "m");
    const bare = fields.filter((name) => !required(name).test(printed));
    expect(bare).toEqual(["me", "login"]);
    expect(printed).toMatch(/auditLog\(.*@requires\(permissions: \[READ_AUDIT_LOGS\]\)/);
    expect(printed).toMatch(
      /createSchedule\(.*@requires\(permissions: \[MANAGE_BACKUPS\]\) @requiresEntities\(access: READ\)/,
    );
    expect(printed).toMatch(/startRestore\(.*@requiresEntities\(access: WRITE\)/);
  });

  it("has the entities, groups and permissions of the catalog that it is built for", () => {
    const table = { schema: "public", name: "events" };
    const catalog = buildCatalog({
      SALES: { ORDERS: { label: "Orders", tables: [table], read: "READ_SALES", write: "WRITE_SALES" } },
      AUDIT: {
        AUDIT_LOGS: {
          label: "Audit",
          tables: [{ ...table, name: "audit" }],
          read: "READ_AUDIT_LOGS",
          write: "WRITE_AUDIT_LOGS",
        },
      },
    });
    const printed = printSchemaWithDirectives(buildSchema(catalog)).replace(/\s+/g, " ");
    expect(printed).toContain("enum Entity { ORDERS AUDIT_LOGS }");
    expect(printed).toContain("enum EntityGroup { SALES AUDIT }");
    expect(printed).toContain("enum Permission { READ_SALES WRITE_SALES READ_AUDIT_LOGS WRITE_AUDIT_LOGS");
    expect(printSchemaWithDirectives(buildSchema(platformCatalog))).toContain("PIPELINES");
  });
});
