// What is proposed for tables as people make them, read from a real database.
import { readFileSync } from "node:fs";
import path from "node:path";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Inventory } from "../../src/core/inventory.ts";
import { openDatabase } from "../../src/postgres/connect.ts";
import { takeInventory } from "../../src/postgres/inventory.ts";
import { propose, type Proposal } from "../../src/proposal/propose.ts";
import { createDatabase, type TestDatabase } from "../support/postgres.ts";

const DDL = readFileSync(path.join(import.meta.dirname, "schemas.sql"), "utf8");

let made: TestDatabase;
let inventory: Inventory;
/** By a role without rights but to read the schema `aside`, and there not all of it. */
let readersInventory: Inventory;

beforeAll(async () => {
  made = await createDatabase();
  const role = `reader_${made.name}`;
  const sql = postgres(made.url, { max: 1, onnotice: () => undefined });
  try {
    await sql.unsafe(DDL);
    await sql.unsafe("analyze appends.events, appends.page_views, appends.payments, appends.login_history");
    await sql.unsafe(`
      create role ${role} login password 'secret'; grant usage on schema aside to ${role};
      grant select on all tables in schema aside to ${role}; revoke select on aside.hidden from ${role}`);
    inventory = await look(made.url);
    const url = new URL(made.url);
    url.username = role;
    url.password = "secret";
    readersInventory = await look(url.href);
    await sql.unsafe(`drop owned by ${role}; drop role ${role}`);
  } finally {
    await sql.end();
  }
});
afterAll(() => made.drop());

async function look(url: string): Promise<Inventory> {
  const database = openDatabase({ name: "app", url, applicationName: "holdfast-test", maxConnections: 1 });
  try {
    return await takeInventory(await database.session(new AbortController().signal));
  } finally {
    await database.close();
  }
}

/** `group/entity`, with `?` if it is opt-in, and its tables. */
function outline({ groups }: Proposal): Record<string, string> {
  return Object.fromEntries(
    groups.flatMap((group) =>
      group.entities.map((entity) => [
        `${group.name}/${entity.name}${entity.optInBecause === null ? "" : "?"}`,
        entity.tables.map((table) => table.name).join(" "),
      ]),
    ),
  );
}

const proposed = (...schemas: string[]) => outline(propose(inventory, { schemas }));

/** The tables of each entity, for what groups do not matter to. */
const entities = (schema: string): string[] => Object.values(proposed(schema)).toSorted();

describe("a proposal", () => {
  it("groups what is named after each other, and keeps apart what merely knows of each other", () => {
    expect(proposed("music")).toEqual({
      "customer/customer": "customer",
      "customer/invoice": "invoice invoice_line",
      "employee/employee": "employee",
      "track/album": "album",
      "track/artist": "artist",
      "track/genre": "genre",
      "track/playlist": "playlist playlist_track",
      "track/track": "track",
    });
  });

  it("puts link tables, whatever their key, with the first of the things that they link", () => {
    expect(entities("links")).toEqual([
      "roles",
      "tags tags_teams",
      "teams members",
      "users friends user_roles",
    ]);
  });

  it("puts details with what they are details of, and what can do without it beside it", () => {
    expect(entities("details")).toEqual(["drafts", "orders attachments lines remarks shipping"]);
  });

  it("makes large append-only tables opt-in, and neither small ones nor business that merely grows", () => {
    expect(proposed("appends")).toMatchObject({
      "logs/audit_log?": "audit_log",
      "logs/events?": "events",
      "logs/login_history?": "login_history",
      "logs/page_views?": "page_views",
      "appends/change_log": "change_log",
      "appends/meetup_events": "meetup_events",
      "appends/catalog": "catalog",
      "appends/payments": "payments",
    });
    expect(entities("appends")).toContain("job_logs job_log_lines");
  });

  it("names a partitioned table and not its partitions, and an heir beside the table that it inherits from", () => {
    expect(entities("kin")).toEqual(["cities capitals", "measure"]);
    const tables = propose(inventory, { schemas: ["kin"] }).groups.flatMap((group) => group.entities);
    expect(tables.flatMap((entity) => entity.tables).find((table) => table.name === "measure")).toMatchObject(
      {
        partitions: 2,
      },
    );
  });

  it("comes to an end where tables refer to each other in circles, or to themselves", () => {
    expect(entities("circles")).toEqual(["chicken", "egg", "node"]);
  });

  it("does not take for details what everything has, and finds the nearest whole beyond it", () => {
    expect(entities("hub")).toEqual([
      "articles comments",
      "coupons",
      "customers",
      "orders order_items",
      "tenants",
    ]);
    expect(proposed("hub")).toMatchObject({ "customers/orders": "orders order_items" });
  });

  it("gives every table a name that can be one, and each its own", () => {
    const { groups } = propose(inventory, { schemas: ["odd Names", "audit", "public"] });
    const names = groups.flatMap((group) => group.entities.map((entity) => entity.name));
    expect(names.toSorted()).toEqual(
      [
        "a_b_c",
        "app_roles",
        "audit_roles",
        "audit_things",
        "class",
        "grosse_aeo",
        "odd_names_users",
        "odd_names_users_2",
        "order_items",
        "proto",
        "table",
        "odd_names_table",
        "table_2024_sales",
        "things",
      ].toSorted(),
    );
    expect(groups.map((group) => group.name)).not.toContain("audit");
  });

  it("says what it leaves out, and why", () => {
    const { leftOut, groups } = propose(inventory, {
      schemas: ["aside", "holdfast_restore_0123456789abcdef0123456789abcdef_1"],
    });
    expect(Object.fromEntries(leftOut.map(({ name, reason }) => [name, reason]))).toEqual({
      seen: "is a view: what it shows is in other tables",
      counted: "is a materialised view: REFRESH MATERIALIZED VIEW fills it again",
      far: "is a foreign table: its rows are in another database",
      part_other: "is a partition of part_far that is a foreign table",
      schema_migrations: expect.stringContaining("Rails, dbmate"),
      _prisma_migrations: expect.stringContaining("Prisma"),
      migrations: expect.stringContaining("Laravel"),
      lent: "belongs to the extension plpgsql",
      t1: "is Holdfast's own",
    });
    const named = groups.flatMap((group) => group.entities.flatMap((entity) => entity.tables));
    expect(named.map((table) => table.name).toSorted()).toEqual([
      "bird_migrations",
      "hidden",
      "kept",
      "keyless",
      "part_near",
      "policed",
      "refers",
    ]);
  });

  it("knows what the role may not read, and what it would not see all rows of", () => {
    const { leftOut, groups } = propose(readersInventory, { schemas: ["aside"] });
    expect(leftOut).toContainEqual({
      schema: "aside",
      name: "hidden",
      reason: `may not be read by the role ${readersInventory.role}`,
    });
    const remarks = groups.flatMap((group) => group.entities.flatMap((entity) => entity.remarks));
    expect(remarks.toSorted()).toEqual([
      "keyless has no key: its rows are compared as a whole.",
      "part_far has no key: its rows are compared as a whole.",
      expect.stringMatching(/^policed has row-level security/),
      "refers refers to aside.hidden, which is left out.",
    ]);
    expect(groups.flatMap((group) => group.entities).find((entity) => entity.keyless)?.name).toBe("keyless");
  });
});
