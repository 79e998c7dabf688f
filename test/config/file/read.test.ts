import { mysqlTable } from "drizzle-orm/mysql-core";
import * as pg from "drizzle-orm/pg-core";
import { describe, expect, it } from "vitest";
import { defineConfig, entity, stores } from "../../../src/config/define.ts";
import { readConfig, type Configuration } from "../../../src/config/file/read.ts";
import { isHoldfastError } from "../../../src/core/errors.ts";
import { platformCatalog } from "../../../src/core/platform-catalog.ts";

const URL = "postgres://me:hunter2@db/app";
const LOCAL = ["local", { kind: "fs", directory: "/data/store" }] as const;
const read = (exported: unknown): Configuration => readConfig(exported, "holdfast.config.ts", LOCAL);

/** What is wrong with an export, fault by fault. */
function faultsOf(exported: unknown): unknown {
  try {
    read(exported);
    return [];
  } catch (error) {
    if (isHoldfastError(error, "CONFIG_INVALID")) return error.details?.["faults"];
    throw error;
  }
}

/** A file that has nothing else to be wrong. */
const withEntity = (config: object, databases: object = { app: { url: URL } }) => ({
  databases,
  groups: { people: { entities: { customers: config } } },
});
const tablesOf = (...tables: unknown[]) => {
  const { catalog } = read(withEntity({ tables }));
  return catalog.entities.get("CUSTOMERS")?.tables;
};

describe("a configuration", () => {
  const shop = pg.pgSchema("shop");
  const app = {
    customers: pg.pgTable("customers", { id: pg.integer().primaryKey() }),
    addresses: shop.table("addresses", { id: pg.integer().primaryKey() }),
  };
  const configuration = read(
    defineConfig({
      databases: { app: { url: URL }, other: { url: "postgres://db/other" } },
      groups: {
        people: {
          entities: {
            customers: entity({
              database: "app",
              tables: [app.customers, app.addresses],
              read: "READ_PEOPLE",
              write: ["WRITE_PEOPLE", "APPROVE"],
              label: "Our customers",
            }),
          },
        },
        webLogs: {
          entities: {
            pageViews: entity({ database: "other", tables: ["events"], optIn: true, keyless: true }),
            twins: entity({ tables: ["platform.templates"], database: "holdfast" }),
          },
        },
      },
      stores: {
        near: stores.fs({ directory: "/var/backups" }),
        far: stores.sftp({ host: "h", username: "u", directory: "/b", password: undefined }),
        cloud: stores.s3({ bucket: "b", endpoint: "https://s3.example.org", region: undefined }),
      },
      defaultStores: ["far", "near"],
      notify: [
        { webhook: "https://hooks.example.org/x", secret: "s", on: ["failed", "overdue"] },
        { name: "operators", smtp: "smtp://mail:25", from: "a@example.org", to: "b@example.org" },
      ],
    }),
  );

  it("names the entities as GraphQL does, and fills in what is left out", () => {
    expect([...configuration.catalog.entities.values()].slice(0, 3)).toEqual([
      {
        name: "CUSTOMERS",
        group: "PEOPLE",
        label: "Our customers",
        database: "app",
        tables: [
          { schema: "public", name: "customers" },
          { schema: "shop", name: "addresses" },
        ],
        readPermissions: ["READ_PEOPLE"],
        writePermissions: ["WRITE_PEOPLE", "APPROVE"],
        optIn: false,
      },
      {
        name: "PAGE_VIEWS",
        group: "WEB_LOGS",
        label: "Page views",
        database: "other",
        tables: [{ schema: "public", name: "events" }],
        readPermissions: ["READ_PAGE_VIEWS"],
        writePermissions: ["WRITE_PAGE_VIEWS"],
        optIn: true,
      },
      expect.objectContaining({ name: "TWINS", database: "holdfast" }),
    ]);
    expect(configuration.places.get("PAGE_VIEWS")).toEqual({
      key: "groups.webLogs.entities.pageViews",
      keyless: true,
    });
  });

  it("has Holdfast's own entities beside those of the file", () => {
    const { groups, permissions } = configuration.catalog;
    expect(groups.map(({ name, entities }) => [name, entities.map((member) => member.name)])).toEqual([
      ["PEOPLE", ["CUSTOMERS"]],
      ["WEB_LOGS", ["PAGE_VIEWS", "TWINS"]],
      ["AUTH", ["USERS", "ROLES", "GROUPS", "TOKENS", "CONFIG_VALUES"]],
      ["AUDIT", ["AUDIT_LOGS"]],
    ]);
    expect(permissions).toEqual(expect.arrayContaining(["APPROVE", "READ_ACLS", "MANAGE_BACKUPS"]));
  });

  it("has its databases, stores and those who are told", () => {
    expect([...configuration.databaseUrls.keys()]).toEqual(["app", "other"]);
    expect(Object.fromEntries(configuration.stores)).toEqual({
      near: { kind: "fs", directory: "/var/backups" },
      far: { kind: "sftp", host: "h", username: "u", directory: "/b" },
      cloud: { kind: "s3", bucket: "b", endpoint: "https://s3.example.org" },
    });
    expect(configuration.defaultStores).toEqual(["far", "near"]);
    expect(configuration.notify).toEqual([
      {
        kind: "webhook",
        name: "notify[0]",
        url: "https://hooks.example.org/x",
        secret: "s",
        on: ["failed", "overdue"],
      },
      {
        kind: "mail",
        name: "operators",
        smtp: "smtp://mail:25",
        from: "a@example.org",
        to: ["b@example.org"],
        on: expect.arrayContaining(["unusual", "store-failed"]),
      },
    ]);
  });

  it("may be empty: then it is as without a file", () => {
    expect(read({})).toMatchObject({ catalog: platformCatalog, defaultStores: ["local"], notify: [] });
    expect(read({}).stores).toEqual(new Map([LOCAL]));
  });

  it("protects Holdfast's own database where it names no other, and the only one that it names", () => {
    const databaseOf = (databases: object) =>
      read(withEntity({ tables: ["a"] }, databases)).catalog.entities.get("CUSTOMERS")?.database;
    expect(databaseOf({})).toBe("holdfast");
    expect(databaseOf({ shop: { url: URL } })).toBe("shop");
  });
});

describe("the types of a configuration", () => {
  it("take the databases and stores that it has, PostgreSQL's tables, and what is known", () => {
    const table = pg.pgTable("t", { id: pg.integer() });
    const view = pg.pgView("v").as((query) => query.select().from(table));
    const databases = { app: { url: process.env["APP_DATABASE_URL"] }, other: { url: URL } };
    defineConfig({
      databases,
      groups: {
        people: { entities: { a: entity({ database: "holdfast", tables: [table, "a"], read: ["A"] }) } },
      },
    });
    const lost = entity({ database: "ap", tables: ["a"] });
    // @ts-expect-error there is no such database
    defineConfig({ databases, groups: { people: { entities: { lost } } } });
    // @ts-expect-error there is no such store
    defineConfig({ stores: { near: stores.fs({ directory: "d" }) }, defaultStores: ["far"] });
    // @ts-expect-error a view is no table
    entity({ tables: [view] });
    // @ts-expect-error there is no such key
    entity({ tables: [table], optin: true });
    // @ts-expect-error a directory is missing
    stores.fs({});
    // @ts-expect-error there is no such event
    defineConfig({ notify: [{ webhook: "https://h", on: ["fails"] }] });
    expect(faultsOf(defineConfig({ databases }))).toEqual([expect.stringMatching(/^databases\.app\.url: /)]);
  });
});

describe("a table", () => {
  it("is known by its name, with quotes where it has dots or quotes itself", () => {
    expect(tablesOf("a", "b.c", "Shop.Order Lines", '"my.schema"."T""x"', '"x.y"', "émile.😀")).toEqual([
      { schema: "public", name: "a" },
      { schema: "b", name: "c" },
      { schema: "Shop", name: "Order Lines" },
      { schema: "my.schema", name: 'T"x' },
      { schema: "public", name: "x.y" },
      { schema: "émile", name: "😀" },
    ]);
  });

  it("may be of a copy of Drizzle that is not Holdfast's own", () => {
    const PgTable = { [Symbol.for("drizzle:entityKind")]: "PgTable" };
    const orders = {
      constructor: PgTable,
      [Symbol.for("drizzle:Name")]: "orders",
      [Symbol.for("drizzle:Schema")]: "shop",
    };
    expect(tablesOf(orders)).toEqual([{ schema: "shop", name: "orders" }]);
  });

  it("is nothing else", () => {
    const table = pg.pgTable("t", { id: pg.integer() });
    const view = pg.pgView("v").as((query) => query.select().from(table));
    const tables = ["a.b.c", "", undefined, 7, {}, view, pg.alias(table, "u"), mysqlTable("m", {}), null];
    expect(faultsOf(withEntity({ tables }))).toEqual([
      expect.stringMatching(
        /^groups\.people\.entities\.customers\.tables\[0\]: is no name of a table; write "schema/,
      ),
      expect.stringMatching(/tables\[1\]: is empty/),
      expect.stringMatching(/tables\[2\]: is undefined: what is imported has no such table/),
      expect.stringMatching(/tables\[3\]: is a number; write a table of a Drizzle schema/),
      expect.stringMatching(/tables\[4\]: is an object that is no table/),
      expect.stringMatching(/tables\[5\]: is a view/),
      expect.stringMatching(/tables\[6\]: is an alias \(u\)/),
      expect.stringMatching(/tables\[7\]: \(m\) is a table of another kind of database \(MySqlTable\)/),
      expect.stringMatching(/tables\[8\]: is null/),
    ]);
  });
});

describe("a configuration that is not valid", () => {
  it("is refused with every fault at once, each with its key and what to write", () => {
    expect(
      faultsOf({
        datbases: {},
        databases: {
          app: { url: undefined },
          legacy: { url: "mysql://me:hunter2@db/x", pool: 3 },
          holdfast: { url: URL },
          one: { url: URL },
          two: { url: "postgresql://you@db:5432/app" },
        },
        groups: {
          people: {
            entities: {
              customers: { database: "ap", tables: ["customers", "public.customers", "shop.orders"] },
              orderLines: { database: "one", tables: ["shop.orders"], optin: true, read: "readOrders" },
              order_lines: { database: "one", tables: ["pg_catalog.pg_class"], write: [] },
              users: { database: "holdfast", tables: ["platform.users", "holdfast.runs"] },
              acls: { tables: [], optIn: "yes" },
              "1st": "customers",
            },
          },
          auth: { entities: {} },
          "my group": {},
          empty: { entity: {} },
        },
        stores: {
          near: { kind: "fs", directory: "" },
          far: stores.sftp({ host: "h", username: undefined, directory: "/b", port: 70_000 }),
          cloud: { kind: "s3", bukcet: "b", endpoint: "s3.example.org" },
          keys: stores.s3({ bucket: "b", accessKeyId: "hunter2" }),
          tape: { kind: "tape" },
        },
        defaultStores: ["nera", "far", "far"],
        notify: [
          { webhook: "hooks.example.org/hunter2", on: ["fails"] },
          { smtp: "smtp://mail", from: "a@b", to: [] },
          { pager: "x" },
        ],
      }),
    ).toEqual([
      "datbases: is not known here; did you mean databases?",
      expect.stringMatching(/^databases\.app\.url: is missing; write "postgres:.*environment variable/),
      "databases.legacy.pool: is not known here; there is url",
      expect.stringMatching(/^databases\.legacy\.url: is not of the form "postgres:/),
      expect.stringMatching(/^databases\.holdfast: is the name of Holdfast's own database/),
      "databases.one.url: is the database of databases.holdfast too; declare it once",
      "databases.two.url: is the database of databases.one too; declare it once",
      "groups.people.entities.customers.database: names no database; did you mean app?",
      expect.stringMatching(
        /^groups\.people\.entities\.customers\.tables\[1\]: public\.customers is in groups\.people\.entities\.customers\.tables\[0\] already/,
      ),
      "groups.people.entities.orderLines.optin: is not known here; did you mean optIn?",
      'groups.people.entities.orderLines.read: is no name of a permission; write upper case with underscores: "READ_ORDERS"',
      "groups.people.entities.order_lines: clashes with groups.people.entities.orderLines: both are ORDER_LINES; give it another name",
      "groups.people.entities.order_lines.tables[0]: pg_catalog.pg_class is PostgreSQL's own; leave it out",
      expect.stringMatching(/^groups\.people\.entities\.order_lines\.write: is empty: anybody could write/),
      "groups.people.entities.users: clashes with an entity of Holdfast's own: both are USERS; call it appUsers, for example",
      expect.stringMatching(
        /^groups\.people\.entities\.users\.tables\[0\]: platform\.users is in Holdfast's own entity USERS/,
      ),
      expect.stringMatching(
        /^groups\.people\.entities\.users\.tables\[1\]: holdfast\.runs is Holdfast's own record/,
      ),
      expect.stringMatching(/^groups\.people\.entities\.acls\.database: is missing, for there are several/),
      expect.stringMatching(/^groups\.people\.entities\.acls\.tables: is empty/),
      expect.stringMatching(
        /^groups\.people\.entities\.acls\.read: is missing, and READ_ACLS is Holdfast's own/,
      ),
      expect.stringMatching(/^groups\.people\.entities\.acls\.write: is missing, and WRITE_ACLS is/),
      "groups.people.entities.acls.optIn: is a string; write true or false",
      expect.stringMatching(/^groups\.people\.entities\["1st"\]: is no name of an entity/),
      expect.stringMatching(/^groups\.people\.entities\["1st"\]: is a string; write entity\(/),
      "groups.auth: clashes with a group of Holdfast's own: both are AUTH; call it appAuth, for example",
      expect.stringMatching(/^groups\.auth\.entities: is empty/),
      expect.stringMatching(/^groups\["my group"\]\.entities: is missing/),
      "groups.empty.entity: is not known here; there is entities",
      expect.stringMatching(/^groups\.empty\.entities: is missing/),
      "stores.near.directory: must not be empty",
      "stores.far.port: must be from 1 to 65535",
      "stores.far.username: is missing",
      "stores.cloud.bucket: is missing",
      "stores.cloud.endpoint: must be a URL that starts with https:// or http://",
      "stores.cloud.bukcet: is not known here; did you mean bucket?",
      "stores.keys: needs both accessKeyId and secretAccessKey, or neither",
      expect.stringMatching(/^stores\.tape: is no store; write stores\.fs/),
      "defaultStores[0]: names no store; did you mean near?",
      "defaultStores[2]: names far again",
      expect.stringMatching(/^notify\[0\]\.on\[0\]: is no event; did you mean failed\?/),
      "notify[0].webhook: is not a URL that starts with https:// or http://",
      expect.stringMatching(/^notify\[1\]\.to: is empty/),
      expect.stringMatching(/^notify\[2\]: is neither a webhook nor e-mail/),
    ]);
  });

  it("names the identity for drills, and is refused where it names none", () => {
    expect(read({}).drillIdentityFile).toBeUndefined();
    const drill = { identityFile: "/etc/holdfast/drill.txt" };
    expect(read(defineConfig({ drill })).drillIdentityFile).toBe("/etc/holdfast/drill.txt");
    expect(faultsOf({ drill: "/etc/holdfast/drill.txt" })).toEqual([expect.stringMatching(/^drill\b/)]);
    expect(faultsOf({ drill: { identity: "x" } })).toEqual([expect.stringMatching(/^drill\.identity\b/)]);
  });

  it("opens a port for metrics, on the loopback address unless another is named", () => {
    expect(read({}).metrics).toBeUndefined();
    expect(read(defineConfig({ metrics: { port: 0 } })).metrics).toEqual({ port: 0, host: undefined });
    const metrics = { port: 9464, host: "10.0.0.5" };
    expect(read(defineConfig({ metrics })).metrics).toEqual(metrics);
    expect(faultsOf({ metrics: 9464 })).toEqual([
      expect.stringMatching(/^metrics: is a number; write \{ port/),
    ]);
    expect(faultsOf({ metrics: { host: "" } })).toEqual([
      expect.stringMatching(/^metrics\.host: is empty/),
      expect.stringMatching(/^metrics\.port: is missing; write a number from 0 to 65535/),
    ]);
    for (const port of [-1, 65_536, 94.64, "9464", Number.NaN])
      expect(faultsOf({ metrics: { port } })).toEqual([expect.stringMatching(/^metrics\.port: is /)]);
    expect(faultsOf({ metrics: { port: 1, token: "x" } })).toEqual([
      expect.stringMatching(/^metrics\.token\b/),
    ]);
  });

  it("repeats no value that may be a secret", () => {
    const faults = faultsOf({
      databases: { app: { url: "mysql://me:hunter2@db" } },
      stores: { far: { kind: "sftp", password: "hunter2" } },
      notify: [{ webhook: "hunter2" }],
    });
    expect(JSON.stringify(faults)).not.toContain("hunter2");
    expect(faults).toHaveLength(5);
  });

  it("is refused where it is no object at all", () => {
    expect(faultsOf(undefined)).toEqual([
      expect.stringMatching(/is undefined; write export default defineConfig/),
    ]);
    expect(faultsOf(() => ({}))).toEqual([expect.stringMatching(/is a function/)]);
    expect(faultsOf(new Map())).toEqual([expect.stringMatching(/is an object of another kind/)]);
    expect(faultsOf({ groups: [], stores: "x", notify: {} })).toHaveLength(3);
  });
});
