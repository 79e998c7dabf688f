// What databases say of the tables that a configuration file names: real ones, with everything that is no table.
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readConfig } from "../../src/config/file/read.ts";
import { isHoldfastError } from "../../src/core/errors.ts";
import { checkTables } from "../../src/runtime/check-tables.ts";
import { createDatabase, type TestDatabase } from "../support/postgres.ts";

const DDL = `
  CREATE SCHEMA shop; CREATE SCHEMA "my.schema";
  CREATE TABLE customers (id int PRIMARY KEY);
  CREATE TABLE addresses (id int PRIMARY KEY, customer int REFERENCES customers);
  CREATE TABLE shop.orders (id int PRIMARY KEY, customer int CONSTRAINT of_customer REFERENCES customers);
  CREATE TABLE "my.schema"."T""x" (id int PRIMARY KEY);
  CREATE TABLE counted (id int PRIMARY KEY, n int DEFAULT 1);
  CREATE TABLE keyless (id int, n int); CREATE UNIQUE INDEX ON keyless (id);
  CREATE TABLE keyed (id int NOT NULL, n int); CREATE UNIQUE INDEX ON keyed (id);
  CREATE TABLE events (id int, at date, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
  CREATE TABLE events_now PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01') PARTITION BY HASH (id);
  CREATE TABLE events_leaf PARTITION OF events_now FOR VALUES WITH (MODULUS 1, REMAINDER 0);
  CREATE VIEW names AS SELECT 1 AS one;
  CREATE MATERIALIZED VIEW totals AS SELECT 1 AS one;
  CREATE SEQUENCE numbers;
  CREATE FOREIGN DATA WRAPPER elsewhere; CREATE SERVER far FOREIGN DATA WRAPPER elsewhere;
  CREATE FOREIGN TABLE distant (id int) SERVER far;
  CREATE TABLE split (id int, n int) PARTITION BY LIST (n);
  CREATE FOREIGN TABLE split_far PARTITION OF split DEFAULT SERVER far;
  CREATE TABLE hidden (id int PRIMARY KEY); ALTER TABLE hidden ENABLE ROW LEVEL SECURITY;
  GRANT SELECT ON customers, hidden TO PUBLIC;`;

let database: TestDatabase;
let readerUrl: string;
let reader: string;

beforeAll(async () => {
  database = await createDatabase();
  reader = `reader_${database.name}`;
  const sql = postgres(database.url, { max: 1 });
  await sql.unsafe(DDL);
  await sql.unsafe(`CREATE ROLE ${reader} LOGIN PASSWORD 'reads'`);
  await sql.end();
  const url = new URL(database.url);
  url.username = reader;
  url.password = "reads";
  readerUrl = url.href;
});
afterAll(async () => {
  const sql = postgres(database.url, { max: 1 });
  await sql.unsafe(`DROP OWNED BY ${reader}; DROP ROLE ${reader}`);
  await sql.end();
  await database.drop();
});

/** Checks one group's entities, each given as its tables, in one database. */
function check(
  entities: Readonly<Record<string, readonly string[]>>,
  {
    keyless = false,
    urls = { app: database.url },
  }: { keyless?: boolean; urls?: Record<string, string> } = {},
): Promise<string[]> {
  const config = {
    databases: Object.fromEntries(Object.keys(urls).map((name) => [name, { url: `postgres://${name}` }])),
    groups: {
      g: {
        entities: Object.fromEntries(
          Object.entries(entities).map(([name, tables]) => [name, { database: "app", tables, keyless }]),
        ),
      },
    },
  };
  const local = ["local", { kind: "fs", directory: "/d" }] as const;
  return checkTables(readConfig(config, "holdfast.config.ts", local), new Map(Object.entries(urls)));
}

async function faultsOf(...parameters: Parameters<typeof check>): Promise<unknown> {
  const error: unknown = await check(...parameters).catch((thrown: unknown) => thrown);
  if (isHoldfastError(error, "CONFIG_INVALID")) return error.details?.["faults"];
  throw new Error("it was not refused", { cause: error });
}

describe("the tables of a configuration", () => {
  it("may be ordinary and partitioned tables with a key, whatever their names", async () => {
    const tables = ["customers", "addresses", "shop.orders", "keyed", "events", '"my.schema"."T""x"'];
    expect(await check({ all: tables })).toEqual([]);
  });

  it("are refused where they are no tables, every fault at once, with its key and what to write", async () => {
    const app = "groups.g.entities.app.tables";
    expect(
      await faultsOf({
        app: ["customer", "Orders", "shop.addresses", "nothing.like_it_at_all", "names", "totals"],
        kinds: ["numbers", "distant", "split", "keyless", "events", "events_now", "events_leaf"],
      }),
    ).toEqual([
      `${app}[0]: there is no table public.customer in the database app; did you mean public.customers?`,
      `${app}[1]: there is no table public.Orders in the database app; did you mean shop.orders?`,
      `${app}[2]: there is no table shop.addresses in the database app; did you mean public.addresses?`,
      expect.stringMatching(
        /tables\[3\]: there is no table nothing\.like_it_at_all .*; there are .*public\.customers/,
      ),
      `${app}[4]: public.names is a view; name ordinary or partitioned tables alone`,
      `${app}[5]: public.totals is a materialised view; name ordinary or partitioned tables alone`,
      expect.stringMatching(/^groups\.g\.entities\.kinds\.tables\[0\]: public\.numbers is a sequence/),
      expect.stringMatching(/kinds\.tables\[1\]: public\.distant is a foreign table/),
      expect.stringMatching(
        /kinds\.tables\[2\]: public\.split has the partition public\.split_far, a foreign table/,
      ),
      expect.stringMatching(/kinds\.tables\[3\]: public\.keyless has no key to merge by .* keyless: true/),
      expect.stringMatching(
        /kinds\.tables\[5\]: public\.events_now is a partition of public\.events, .* leave it out/,
      ),
      expect.stringMatching(/kinds\.tables\[6\]: public\.events_leaf is a partition of public\.events/),
    ]);
  });

  it("may be without a key where the file says so, and a partition where its parent is not named", async () => {
    expect(await check({ a: ["keyless", "events_leaf"] }, { keyless: true })).toEqual([]);
  });

  it("are not refused because somebody alters one of them", async () => {
    const sql = postgres(database.url, { max: 1 });
    await sql`BEGIN`;
    await sql`ALTER TABLE customers ALTER COLUMN id SET DEFAULT 7`;
    await sql`ALTER TABLE counted ALTER COLUMN n SET DEFAULT 7`;
    const plain = await check({ customers: ["customers"] });
    // The server locks a table to print its expressions.
    const withExpression = await check({ counted: ["counted"] });
    await sql`ROLLBACK`;
    await sql.end();
    expect(plain).toEqual([]);
    expect(withExpression).toEqual([expect.stringMatching(/^databases\.app\.url: .*lock/i)]);
  });

  it("are warned of where they work, though perhaps not as was meant", async () => {
    expect(await check({ orders: ["shop.orders"] })).toEqual([
      "groups.g.entities.orders.tables[0]: shop.orders refers to public.customers (of_customer), which is in no entity; " +
        "a restore needs the rows that it refers to to be there",
    ]);
    expect(await check({ a: ["customers", "keyed", "hidden"] }, { urls: { app: readerUrl } })).toEqual([
      expect.stringMatching(/tables\[1\]: public\.keyed may not be read by the role/),
      expect.stringMatching(/tables\[2\]: row-level security may hide rows of public\.hidden/),
    ]);
  });
});

describe("the databases of a configuration", () => {
  const databaseUrl = (changes: { password?: string; pathname?: string; search?: string }): string =>
    Object.assign(new URL(database.url), changes).href;

  it("are refused where somebody has to correct a URL, and their passwords are not said", async () => {
    const faults = await faultsOf(
      { customers: ["customers"] },
      {
        urls: {
          app: databaseUrl({ pathname: "/there_is_no_such" }),
          denied: readerUrl.replace(":reads@", ":hunter2@"),
          secured: databaseUrl({ search: "?sslmode=require" }),
          bad: "postgres://me:hunter2@a,b/x",
        },
      },
    );
    expect(faults).toEqual([
      expect.stringMatching(/^databases\.app\.url: The database app cannot be reached: .*there_is_no_such/),
      expect.stringMatching(/^databases\.denied\.url: The database denied cannot be reached: .*password/),
      expect.stringMatching(
        /^databases\.secured\.url: The database secured cannot be reached: .*does not offer TLS/,
      ),
      expect.stringMatching(/^databases\.bad\.url: The URL of the database bad names several hosts/),
    ]);
    expect(JSON.stringify(faults)).not.toContain("hunter2");
  });

  it("are warned of where they are away, for the others have to be within reach on that day", async () => {
    const warnings = await check(
      { customers: ["customers"] },
      {
        urls: {
          app: "postgres://me:hunter2@127.0.0.1:1/x",
          unnamed: "postgres://me:hunter2@there-is-no-host.invalid/x",
          unused: database.url,
        },
      },
    );
    expect(warnings).toEqual([
      expect.stringMatching(
        /^databases\.app\.url: The database app cannot be reached: .*Check that PostgreSQL runs.* Its tables were not looked at/,
      ),
      expect.stringMatching(/^databases\.unnamed\.url: The database unnamed cannot be reached: /),
    ]);
    expect(JSON.stringify(warnings)).not.toContain("hunter2");
  });

  it("are refused for what they say, though another one is away", async () => {
    expect(
      await faultsOf(
        { customers: ["custmers"] },
        { urls: { app: database.url, away: "postgres://127.0.0.1:1/x" } },
      ),
    ).toEqual([expect.stringMatching(/tables\[0\]: there is no table public\.custmers/)]);
  });

  it("are refused where one has two names", async () => {
    const url = new URL(database.url);
    url.searchParams.set("application_name", "twin");
    expect(
      await faultsOf({ customers: ["customers"] }, { urls: { app: database.url, twin: url.href } }),
    ).toEqual(["databases.twin.url: is the database of databases.app.url too; declare it once"]);
  });
});
