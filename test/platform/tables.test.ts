import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { tableLabel } from "../../src/core/catalog.ts";
import { platformCatalog } from "../../src/core/platform-catalog.ts";
import { createDatabase, type TestDatabase } from "../support/postgres.ts";

let database: TestDatabase;
let sql: postgres.Sql;
beforeAll(async () => {
  database = await createDatabase({ migrated: true });
  sql = postgres(database.url, { onnotice: () => undefined });
});
afterAll(async () => {
  await sql.end();
  await database.drop();
});

interface ForeignKey {
  readonly from: string;
  readonly to: string;
  /** As pg_constraint says it: a no action, r restrict, c cascade, n set null. */
  readonly onDelete: string;
}

async function foreignKeys(): Promise<ForeignKey[]> {
  return sql<ForeignKey[]>`
    SELECT conrelid::regclass::text AS "from", confrelid::regclass::text AS "to", confdeltype::text AS "onDelete"
    FROM pg_constraint WHERE contype = 'f' AND connamespace = 'platform'::regnamespace
    ORDER BY 1, 2`;
}

describe("the platform's tables", () => {
  it("are those of the catalog, each in one entity", async () => {
    const rows = await sql<{ label: string }[]>`
      SELECT schemaname || '.' || tablename AS label FROM pg_tables WHERE schemaname = 'platform' ORDER BY 1`;
    const inCatalog = [...platformCatalog.entities.values()].flatMap((entity) =>
      entity.tables.map(tableLabel),
    );
    expect(rows.map((row) => row.label)).toEqual(inCatalog.toSorted());
  });

  it("refer to none of another group, so that each group's backup restores into an empty database", async () => {
    const groupOf = new Map(
      [...platformCatalog.entities.values()].flatMap((entity) =>
        entity.tables.map((table) => [tableLabel(table), entity.group] as const),
      ),
    );
    const keys = await foreignKeys();
    expect(keys.length).toBeGreaterThan(10);
    for (const { from, to } of keys) expect(groupOf.get(from)).toBe(groupOf.get(to));
  });

  it("have a cycle, a self-reference, and every way of deleting that they use", async () => {
    const keys = await foreignKeys();
    const links = keys.map(({ from, to }) => `${from} > ${to}`);
    expect(links).toContain("platform.templates > platform.template_versions");
    expect(links).toContain("platform.template_versions > platform.templates");
    expect(links).toContain("platform.groups > platform.groups");
    expect(new Set(keys.map((key) => key.onDelete))).toEqual(new Set(["c", "n", "r"]));
    // Records outlive the accounts that they are about.
    expect(links.filter((link) => link.includes("audit_logs"))).toEqual([]);
  });

  it("have keys of every kind: identities always and by default, a serial, uuid, text, two columns", async () => {
    const rows = await sql<{ kind: string }[]>`
      SELECT DISTINCT string_agg(
        format_type(atttypid, NULL) || CASE attidentity WHEN 'a' THEN ' always' WHEN 'd' THEN ' by default' ELSE '' END,
        ', ' ORDER BY ordinality) AS kind
      FROM pg_constraint
        CROSS JOIN unnest(conkey) WITH ORDINALITY AS part (attnum, ordinality)
        JOIN pg_attribute ON attrelid = conrelid AND pg_attribute.attnum = part.attnum
      WHERE contype = 'p' AND connamespace = 'platform'::regnamespace
      GROUP BY pg_constraint.oid`;
    expect(rows.map((row) => row.kind).toSorted()).toEqual([
      ...["bigint always", "bigint by default", "bigint, integer", "integer", "integer always"],
      ...["integer by default", "integer, integer", "text", "uuid", "uuid, smallint"],
    ]);
    const [serial] = await sql`SELECT pg_get_serial_sequence('platform.transformers', 'id') AS sequence`;
    expect(serial).toEqual({ sequence: "platform.transformers_id_seq" });
  });

  it("have columns of most types, and generated ones", async () => {
    const rows = await sql<{ type: string; generated: boolean }[]>`
      SELECT DISTINCT CASE typtype WHEN 'e' THEN 'enum' ELSE format_type(atttypid, NULL) END AS type,
        attgenerated = 's' AS generated
      FROM pg_attribute JOIN pg_class ON attrelid = pg_class.oid JOIN pg_type ON atttypid = pg_type.oid
      WHERE relnamespace = 'platform'::regnamespace AND relkind = 'r' AND attnum > 0`;
    expect(new Set(rows.filter((row) => !row.generated).map((row) => row.type))).toEqual(
      new Set([
        ...["bigint", "boolean", "bytea", "cidr", "date", "double precision", "enum", "inet", "integer"],
        ...["integer[]", "interval", "jsonb", "numeric", "smallint", "text", "text[]", "uuid"],
        ...["time without time zone", "timestamp with time zone"],
      ]),
    );
    expect(
      rows
        .filter((row) => row.generated)
        .map((row) => row.type)
        .toSorted(),
    ).toEqual(["integer", "text"]);
  });

  it("say when a user or a template was last changed, whoever changed it", async () => {
    await sql`INSERT INTO platform.users (username, updated_at) VALUES ('ada', '2020-01-01Z')`;
    await sql`WITH space AS (INSERT INTO platform.spaces (slug, name) VALUES ('s', 'S') RETURNING id)
      INSERT INTO platform.templates (space_id, name, updated_at) SELECT id, 'T', '2020-01-01Z' FROM space`;
    await sql`UPDATE platform.users SET display_name = 'Ada'`;
    await sql`UPDATE platform.templates SET name = 'U'`;
    expect(
      await sql`SELECT updated_at > now() - interval '1 hour' AS fresh FROM platform.users
        UNION ALL SELECT updated_at > now() - interval '1 hour' FROM platform.templates`,
    ).toEqual([{ fresh: true }, { fresh: true }]);
  });
});
