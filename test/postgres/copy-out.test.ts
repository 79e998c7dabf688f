// Copies of tables of every kind, compared with what the server sends when nothing stands between.
import { sql } from "drizzle-orm";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openDatabase, type Database } from "../../src/postgres/connect.ts";
import { copyOut, planCopies, type CopyTask } from "../../src/postgres/copy-out.ts";
import type { CopyBatch } from "../../src/postgres/copy-tap.ts";
import { describeTables } from "../../src/postgres/introspect.ts";
import type { Session } from "../../src/postgres/session.ts";
import type { TableShape } from "../../src/postgres/table-shape.ts";
import { createDatabase, type TestDatabase } from "../support/postgres.ts";

let testDatabase: TestDatabase;
let database: Database;
let session: Session;

const never = new AbortController().signal;
const MIB = 1024 * 1024;

beforeAll(async () => {
  testDatabase = await createDatabase();
  database = openDatabase({
    name: "app",
    url: testDatabase.url,
    applicationName: "holdfast test",
    maxConnections: 4,
  });
  session = await database.session(never);
  await session.query("CREATE SCHEMA app; CREATE SCHEMA extra");
});
afterAll(async () => {
  await database.close();
  await testDatabase.drop();
});

async function shapeOf(name: string, schema = "app"): Promise<TableShape> {
  const [shape] = await describeTables(session, [{ schema, name }]);
  if (shape === undefined) throw new Error(`no shape of ${name}`);
  return shape;
}

const wholeOf = (...shapes: TableShape[]): CopyTask[] =>
  planCopies(shapes, { connections: 1, serverVersion: 0 });

async function batchesOf(tasks: readonly CopyTask[], from: Session = session): Promise<CopyBatch[]> {
  const batches: CopyBatch[] = [];
  for (const task of tasks) for await (const batch of copyOut(from, task)) batches.push(batch);
  return batches;
}

const bytesOf = (batches: readonly CopyBatch[]): Buffer => Buffer.concat(batches.map((batch) => batch.bytes));
const rowsOf = (batches: readonly CopyBatch[]): number => batches.reduce((sum, batch) => sum + batch.rows, 0);

async function copyText(name: string, schema = "app"): Promise<string> {
  return bytesOf(await batchesOf(wholeOf(await shapeOf(name, schema)))).toString();
}

/** As postgres.js reads a COPY itself, over a socket of its own. */
async function reference(statement: string): Promise<Buffer> {
  const client = postgres(testDatabase.url, {
    max: 1,
    connection: { TimeZone: "UTC", DateStyle: "ISO", IntervalStyle: "postgres", extra_float_digits: 3 },
  });
  const pieces: Buffer[] = [];
  for await (const piece of await client.unsafe(statement).readable()) pieces.push(piece);
  await client.end({ timeout: 0 });
  return Buffer.concat(pieces);
}

describe("copyOut", () => {
  it("gives the very bytes that the server sends, for every type", async () => {
    await session.query(`
      SET search_path = extra;
      CREATE TYPE mood AS ENUM ('fine', 'so, so', 'it''s "bad"');
      CREATE TYPE point3 AS (x float8, y float8, label text);
      CREATE DOMAIN positive AS int CHECK (VALUE > 0);
      CREATE TABLE types (
        a smallint, b int, c bigint, d numeric, e real, f float8, g money, h text, i varchar(10), j char(5), k bytea,
        l timestamp, m timestamptz, n date, o time, p timetz, q interval, r boolean, s mood, t point, u box, v inet, w cidr,
        x macaddr, y bit(4), z varbit, aa tsvector, ab uuid, ac xml, ad json, ae jsonb, af int[], ag text[][], ah point3,
        ai int4range, aj tstzrange, ak positive, al oid, am name, an mood[], ao jsonpath, ap "char");
      INSERT INTO types VALUES (
        -32768, 2147483647, -9223372036854775808, 123456789012345678901234567890.000100, 'NaN', '-Infinity', 12.34,
        E'tab\\t newline\\n return\\r back\\\\slash \\\\N \\b\\f\\v 🦉 \\u00e9', '', 'ab', '\\x00ff5c0a'::bytea,
        '0044-03-15 12:00:00 BC', '2026-11-22 03:04:05.123456+09', 'infinity', '24:00:00', '04:05:06-08', '-1 year 2 mons -3 days 04:05:06.7',
        true, 'it''s "bad"', '(1.5,-2)', '(3,4),(1,2)', '::1/64', '10.0.0.0/8', '08:00:2b:01:02:03', B'1010', B'', 'a:1 fat:2,3A cat''s:4'::tsvector,
        'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '<a b="c">d</a>', '{"a" :  [1, null, "\\\\u00e9"]}', '{"b": 1e3, "a": "x\\\\ty"}',
        '{1,NULL,3}', '{{"a,b","c\\"d"},{"NULL",NULL}}', ROW(1, 2.5, 'a "quoted", one'), '[1,5)', '(,2026-01-01)', 7, 4294967295, 'a name',
        ARRAY['so, so', 'fine']::mood[], '$.a[*] ? (@ > 1)', 'x');
      INSERT INTO types (a) VALUES (1), (NULL);
      INSERT INTO types (e, f, d) VALUES (1.1, 0.1::float8 + 0.2, 'NaN'), (3.4e38, 5e-324, -0.0);
      SET search_path = pg_catalog`);
    const expected = await reference("COPY extra.types TO STDOUT");
    const batches = await batchesOf(wholeOf(await shapeOf("types", "extra")));
    expect(bytesOf(batches).equals(expected)).toBe(true);
    expect(rowsOf(batches)).toBe(5);
  });

  it("gives nothing for no rows, a row for one, and an empty line for a row without columns", async () => {
    await session.query("CREATE TABLE app.few (id int); CREATE TABLE app.bare ()");
    expect(await copyText("few")).toBe("");
    await session.query("INSERT INTO app.few VALUES (1); INSERT INTO app.bare DEFAULT VALUES");
    expect(await copyText("few")).toBe("1\n");
    expect(await copyText("bare")).toBe("\n");
  });

  it("streams a row of 100 MB in pieces", async () => {
    await session.query("CREATE TABLE app.huge (id int, body text)");
    await session.query(
      "INSERT INTO app.huge VALUES (1, 'small'), (2, repeat('0123456789', 10000000)), (3, 'after')",
    );
    let sizeBytes = 0;
    let largestBytes = 0;
    const ends: boolean[] = [];
    for (const task of wholeOf(await shapeOf("huge"))) {
      for await (const batch of copyOut(session, task)) {
        sizeBytes += batch.bytes.length;
        largestBytes = Math.max(largestBytes, batch.bytes.length);
        ends.push(batch.endsRow);
      }
    }
    expect(sizeBytes).toBe("1\tsmall\n".length + 100_000_003 + "3\tafter\n".length);
    expect(largestBytes).toBeLessThanOrEqual(2 * MIB);
    expect(ends.filter((end) => end).length).toBeLessThan(5);
    expect(ends.at(-1)).toBe(true);
  });

  it("quotes names of every kind", async () => {
    const [name, column] = [`Odd.name "quoted" it's 🦉`, `Select "x".y 🦉`];
    await session.query(sql`CREATE TABLE extra.${sql.identifier(name)} (${sql.identifier(column)} text)`);
    await session.query(sql`INSERT INTO extra.${sql.identifier(name)} VALUES ('here')`);
    expect(await copyText(name, "extra")).toBe("here\n");
  });

  it("leaves generated columns out", async () => {
    await session.query(`
      CREATE TABLE app.computed (a int, double int GENERATED ALWAYS AS (a * 2) STORED, b text);
      INSERT INTO app.computed VALUES (1, DEFAULT, 'x')`);
    expect(await copyText("computed")).toBe("1\tx\n");
    if (session.serverVersion < 180_000) return;
    await session.query("ALTER TABLE app.computed ADD triple int GENERATED ALWAYS AS (a * 3) VIRTUAL");
    expect(await copyText("computed")).toBe("1\tx\n");
  });

  it("copies a partitioned table's partitions one by one, each row in the parent's order of columns", async () => {
    await session.query(`
      CREATE TABLE app.parts (id int, region text) PARTITION BY LIST (region);
      CREATE TABLE app.parts_eu PARTITION OF app.parts FOR VALUES IN ('eu');
      CREATE TABLE app.parts_us (region text, gone int, id int);
      ALTER TABLE app.parts_us DROP COLUMN gone;
      ALTER TABLE app.parts ATTACH PARTITION app.parts_us FOR VALUES IN ('us');
      INSERT INTO app.parts VALUES (1, 'eu'), (2, 'us'), (3, 'eu')`);
    const tasks = wholeOf(await shapeOf("parts"));
    expect(tasks.map((task) => [task.table.name, task.leaf.name])).toEqual([
      ["parts", "parts_eu"],
      ["parts", "parts_us"],
    ]);
    expect(await copyText("parts")).toBe("1\teu\n3\teu\n2\tus\n");
  });

  it("leaves the rows of tables that inherit to those tables", async () => {
    await session.query(`
      CREATE TABLE app.base (id int); CREATE TABLE app.derived (more text) INHERITS (app.base);
      INSERT INTO app.base VALUES (1); INSERT INTO app.derived VALUES (2, 'x')`);
    expect(await copyText("base")).toBe("1\n");
    expect(await copyText("derived")).toBe("2\tx\n");
  });

  it("ends every batch with a row, and counts them", async () => {
    await session.query(
      "CREATE TABLE app.many AS SELECT g AS id, repeat('x', g % 3000) AS body FROM generate_series(1, 5000) g",
    );
    const batches = await batchesOf(wholeOf(await shapeOf("many")));
    expect(batches.length).toBeGreaterThan(5);
    expect(batches.every((batch) => batch.endsRow && batch.bytes.at(-1) === 10)).toBe(true);
    expect(batches.map((batch) => batch.rows)).toEqual(
      batches.map((batch) => batch.bytes.toString().split("\n").length - 1),
    );
    expect(bytesOf(batches).equals(await reference("COPY app.many TO STDOUT"))).toBe(true);
  });

  it("makes the server wait for a slow reader", async () => {
    const stopped = new AbortController();
    await using slow = await database.session(stopped.signal);
    const copy = slow.copyOut("COPY (SELECT repeat('x', 1000), generate_series(1, 1000000000)) TO STDOUT");
    await copy.next();
    await using observer = await database.session(never);
    for (;;) {
      const waiting = await observer.rows(
        sql`SELECT FROM pg_stat_activity WHERE pid = ${slow.backendPid} AND wait_event = 'ClientWrite'`,
      );
      if (waiting.length > 0) break;
    }
    let batches = 0;
    while (batches < 20 && (await copy.next()).done !== true) batches += 1;
    expect(batches).toBe(20);
    stopped.abort(new Error("seen enough"));
    await expect(copy.next()).rejects.toThrow("seen enough");
  });

  it("fails where the server does, in the middle too, and leaves the session fit for a rollback", async () => {
    await session.begin();
    const copy = session.copyOut("COPY (SELECT 1 / (g - 50000) FROM generate_series(1, 100000) g) TO STDOUT");
    await expect(Array.fromAsync(copy)).rejects.toThrow("division by zero");
    await session.rollback();
    expect(await session.rows("SELECT 1 AS one")).toEqual([{ one: 1 }]);
  });

  it("fails when the connection is lost in the middle", async () => {
    await using doomed = await database.session(never);
    const copy = doomed.copyOut("COPY (SELECT generate_series(1, 1000000000)) TO STDOUT");
    await copy.next();
    await session.query(sql`SELECT pg_terminate_backend(${doomed.backendPid})`);
    await expect(Array.fromAsync(copy)).rejects.toMatchObject({ code: "DATABASE_UNREACHABLE" });
    await expect(doomed.query("SELECT 1")).rejects.toMatchObject({ code: "DATABASE_UNREACHABLE" });
  });

  it("is cancelled on the server when the signal aborts, also while the server waits for the reader", async () => {
    const abort = new AbortController();
    await using cancelled = await database.session(abort.signal);
    const copy = cancelled.copyOut(
      "COPY (SELECT repeat('x', 1000), generate_series(1, 1000000000)) TO STDOUT",
    );
    await copy.next();
    const reason = new Error("the run was cancelled");
    abort.abort(reason);
    await expect(copy.next()).rejects.toBe(reason);
    const [state] = await session.rows(
      sql`SELECT state FROM pg_stat_activity WHERE pid = ${cancelled.backendPid}`,
    );
    expect(state).toEqual({ state: "idle" });
  });

  it("ends with its session, also while the server waits for the reader", async () => {
    const closed = await database.session(never);
    const copy = closed.copyOut("COPY (SELECT repeat('x', 1000), generate_series(1, 1000000000)) TO STDOUT");
    await copy.next();
    await closed.close();
    await expect(copy.next()).rejects.toMatchObject({ code: "DATABASE_UNREACHABLE" });
  });

  it("is cancelled by a reader that leaves, and the session goes on", async () => {
    for await (const batch of session.copyOut("COPY (SELECT generate_series(1, 1000000000)) TO STDOUT")) {
      expect(batch.rows).toBeGreaterThan(0);
      break;
    }
    expect(await session.rows("SELECT 1 AS one")).toEqual([{ one: 1 }]);
    expect(bytesOf(await Array.fromAsync(session.copyOut("COPY (SELECT 7) TO STDOUT"))).toString()).toBe(
      "7\n",
    );
  });

  it("reads several COPYs of one message, and says where each ends", async () => {
    const copies = session.copyOut(
      "COPY (SELECT 1) TO STDOUT; COPY (SELECT 1 WHERE false) TO STDOUT; COPY (SELECT generate_series(1, 500000)) TO STDOUT; COPY (SELECT 2) TO STDOUT",
    );
    const rows = [0];
    for await (const batch of copies) {
      rows.push((rows.pop() ?? 0) + batch.rows);
      if (batch.endsCopy) rows.push(0);
    }
    expect(rows).toEqual([1, 0, 500_000, 1, 0]);
    const failing = session.copyOut("COPY (SELECT 1) TO STDOUT; COPY (SELECT 1 / 0) TO STDOUT");
    await expect(Array.fromAsync(failing)).rejects.toMatchObject({ code: "22012" });
    expect(await session.rows("SELECT 1 AS one")).toEqual([{ one: 1 }]);
  });
});

describe("planCopies", () => {
  const options = { connections: 2, serverVersion: 150_000 };

  it("splits a large table into pieces that hold every row exactly once", async () => {
    await session.query(
      "CREATE TABLE app.wide AS SELECT g AS id, repeat('x', 500) AS body FROM generate_series(1, 3000) g",
    );
    const shape = await shapeOf("wide");
    const leaves = shape.leaves.map((leaf) => ({ ...leaf, sizeBytes: 640 * MIB }));
    const tasks = planCopies([{ ...shape, leaves, sizeBytes: 640 * MIB }], options);
    expect(tasks.length).toBe(10);
    const ids = bytesOf(await batchesOf(tasks))
      .toString()
      .split("\n")
      .slice(0, -1)
      .map((line) => Number.parseInt(line, 10));
    expect(ids.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 3_000 }, (_, index) => index + 1));
  });

  it("finds rows that came after the table was measured", async () => {
    await session.query("CREATE TABLE app.growing AS SELECT g AS id FROM generate_series(1, 1000) g");
    const shape = await shapeOf("growing");
    await session.query("INSERT INTO app.growing SELECT g FROM generate_series(1001, 5000) g");
    const leaves = shape.leaves.map((leaf) => ({ ...leaf, sizeBytes: 640 * MIB }));
    const tasks = planCopies([{ ...shape, leaves, sizeBytes: 640 * MIB }], options);
    expect(tasks.length).toBeGreaterThan(1);
    expect(rowsOf(await batchesOf(tasks))).toBe(5_000);
  });

  it("takes the largest first", async () => {
    await session.query("CREATE TABLE app.small AS SELECT 1 AS id; CREATE TABLE app.empty (id int)");
    const shapes = [await shapeOf("empty"), await shapeOf("small"), await shapeOf("wide")];
    expect(planCopies(shapes, options).map((task) => task.table.name)).toEqual(["wide", "small", "empty"]);
  });

  it("splits nothing where one session works alone, or the server cannot find a page without reading all", async () => {
    const shape = await shapeOf("wide");
    const leaves = shape.leaves.map((leaf) => ({ ...leaf, sizeBytes: 640 * MIB }));
    const large = { ...shape, leaves, sizeBytes: 640 * MIB };
    expect(planCopies([large], { connections: 1, serverVersion: 150_000 }).length).toBe(1);
    expect(planCopies([large], { connections: 2, serverVersion: 130_000 }).length).toBe(1);
  });

  it("has the server read only the pages of a piece", async () => {
    if (session.serverVersion < 140_000) return;
    const plan = await session.rows<{ "QUERY PLAN": string }>(
      "EXPLAIN SELECT id FROM ONLY app.wide WHERE ctid >= '(10,0)'::tid AND ctid < '(20,0)'::tid",
    );
    expect(plan[0]?.["QUERY PLAN"]).toMatch(/Tid Range Scan/);
  });
});
