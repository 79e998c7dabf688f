// Sessions on a real server: what they set, how they end, and what an aborted signal does to a statement that runs.
import { once } from "node:events";
import { createServer } from "node:net";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openDatabase, type Database } from "../../src/postgres/connect.ts";
import type { Session } from "../../src/postgres/session.ts";
import { createDatabase, type TestDatabase } from "../support/postgres.ts";

let testDatabase: TestDatabase;
let database: Database;
/** Looks at the others. */
let observer: Session;

const never = new AbortController().signal;

beforeAll(async () => {
  testDatabase = await createDatabase();
  database = open();
  observer = await database.session(never);
});
afterAll(async () => {
  await database.close();
  await testDatabase.drop();
});

function open(url: string = testDatabase.url, maxConnections = 4): Database {
  return openDatabase({ name: "app", url, applicationName: "holdfast test", maxConnections });
}

async function untilRunning(session: Session): Promise<void> {
  for (;;) {
    const [found] = await observer.rows(
      sql`SELECT FROM pg_stat_activity WHERE pid = ${session.backendPid} AND state = 'active'`,
    );
    if (found !== undefined) return;
  }
}

async function untilGone(session: Session): Promise<void> {
  for (;;) {
    const left = await observer.rows(sql`SELECT FROM pg_stat_activity WHERE pid = ${session.backendPid}`);
    if (left.length === 0) return;
  }
}

const code = (expected: string, message?: RegExp): unknown =>
  expect.objectContaining({
    code: expected,
    ...(message === undefined ? {} : { message: expect.stringMatching(message) }),
  });

describe("a session", () => {
  it("prints values the same whatever the role and the database are set to", async () => {
    await observer.query(sql`
      ALTER DATABASE ${sql.identifier(testDatabase.name)} SET "TimeZone" = 'Asia/Tokyo'`);
    await observer.query(
      sql`ALTER DATABASE ${sql.identifier(testDatabase.name)} SET "DateStyle" = 'SQL, DMY'`,
    );
    await observer.query(
      sql`ALTER DATABASE ${sql.identifier(testDatabase.name)} SET extra_float_digits = -5`,
    );
    await observer.query(
      sql`ALTER DATABASE ${sql.identifier(testDatabase.name)} SET statement_timeout = '1min'`,
    );
    await using session = await database.session(never);
    const rows = await session.rows(sql`
      SELECT '2026-11-22 03:04:05+00'::timestamptz AS at, '1 day 2 hours'::interval AS span, 0.1::float8 + 0.2 AS sum,
        '\\x00ff'::bytea::text AS bytes, current_setting('statement_timeout') AS timeout, current_setting('search_path') AS path`);
    expect(rows).toEqual([
      {
        at: "2026-11-22 03:04:05+00",
        span: "1 day 02:00:00",
        sum: 0.1 + 0.2,
        bytes: "\\x00ff",
        timeout: "0",
        path: "pg_catalog",
      },
    ]);
    await observer.query(sql`ALTER DATABASE ${sql.identifier(testDatabase.name)} RESET ALL`);
  });

  it("reads and prints money, xml and nulls in arrays the same whatever the database is set to", async () => {
    const { name } = testDatabase;
    for (const setting of ["lc_monetary = 'C.UTF-8'", "xmloption = 'document'", "array_nulls = off"])
      await observer.query(sql.raw(`ALTER DATABASE ${name} SET ${setting}`));
    await observer.query(sql.raw(`ALTER DATABASE ${name} SET default_transaction_read_only = on`));
    await using session = await database.session(never);
    const rows = await session.rows(sql`
      SELECT current_setting('lc_monetary') AS monetary, '1234.5'::money::text AS money, 'a <b/>'::xml::text AS xml,
        ('{NULL}'::text[])[1] IS NULL AS missing, current_setting('transaction_read_only') AS "readOnly"`);
    expect(rows).toEqual([
      { monetary: "C", money: "$1,234.50", xml: "a <b/>", missing: true, readOnly: "off" },
    ]);
    await observer.query(sql.raw(`ALTER DATABASE ${name} RESET ALL`));
  });

  it("tells how many rows a statement touched, and takes parameters", async () => {
    await using session = await database.session(never);
    await session.query("CREATE TEMPORARY TABLE numbers (n int)");
    expect(await session.query(sql`INSERT INTO numbers SELECT generate_series(1, ${7}::int)`)).toBe(7);
    expect(await session.rows(sql`SELECT n FROM numbers WHERE n = ${"3"}::int`)).toEqual([{ n: 3 }]);
  });

  it("commits what succeeds and rolls back what throws", async () => {
    await using session = await database.session(never);
    await session.query("CREATE TABLE public.kept (n int)");
    await session.transaction(async () => {
      await session.query("INSERT INTO public.kept VALUES (1)");
    });
    const failing = session.transaction(async () => {
      await session.query("INSERT INTO public.kept VALUES (2)");
      throw new Error("changed my mind");
    });
    await expect(failing).rejects.toThrow("changed my mind");
    expect(await session.rows("SELECT n FROM public.kept")).toEqual([{ n: 1 }]);
  });

  it("does not take a failed transaction for a committed one", async () => {
    await using session = await database.session(never);
    await session.begin();
    await expect(session.query("SELECT 1 / 0")).rejects.toThrow("division by zero");
    await expect(session.commit()).rejects.toThrow("rolled back");
  });

  it("refuses a second statement while one runs", async () => {
    await using session = await database.session(never);
    const first = session.query("SELECT pg_sleep(0.05)");
    await expect(session.query("SELECT 1")).rejects.toThrow("one statement at a time");
    await first;
  });

  it("cancels on the server what runs when its signal aborts, and throws the signal's reason", async () => {
    const abort = new AbortController();
    await using session = await database.session(abort.signal);
    const reason = new Error("the run was cancelled");
    const sleeping = session.query("SELECT pg_sleep(3600)");
    const refused = expect(sleeping).rejects.toBe(reason);
    await untilRunning(session);
    abort.abort(reason);
    await refused;
    const [state] = await observer.rows<{ state: string }>(
      sql`SELECT state FROM pg_stat_activity WHERE pid = ${session.backendPid}`,
    );
    expect(state).toEqual({ state: "idle" });
    await expect(session.query("SELECT 1")).rejects.toBe(reason);
  });

  it("cancels a statement that is aborted before the server has begun it", async () => {
    for (let round = 0; round < 20; round += 1) {
      const abort = new AbortController();
      await using session = await database.session(abort.signal);
      const refused = expect(session.query("SELECT pg_sleep(3600)")).rejects.toThrow("at once");
      setImmediate(() => abort.abort(new Error("at once")));
      await refused;
    }
  });

  it("cancels a statement that waits for a lock", async () => {
    const abort = new AbortController();
    await using holder = await database.session(never);
    await using waiter = await database.session(abort.signal);
    await holder.query("CREATE TABLE public.locked (n int)");
    await holder.begin();
    await holder.query("LOCK TABLE public.locked");
    const refused = expect(waiter.query("SELECT FROM public.locked")).rejects.toThrow("stop waiting");
    await untilRunning(waiter);
    abort.abort(new Error("stop waiting"));
    await refused;
  });

  it("takes away a backend that will not be cancelled", async () => {
    const abort = new AbortController();
    await using session = await database.session(abort.signal);
    const stubborn = session.query(`DO $$ BEGIN LOOP
      BEGIN PERFORM pg_sleep(3600); EXCEPTION WHEN query_canceled THEN NULL; END;
    END LOOP; END $$`);
    const refused = expect(stubborn).rejects.toThrow("enough");
    await untilRunning(session);
    abort.abort(new Error("enough"));
    await refused;
    await session.close();
    await untilGone(session);
  });

  it("does not start when the signal has aborted, nor go on waiting for a place", async () => {
    const full = open(testDatabase.url, 1);
    await using _ = await full.session(never);
    await expect(full.session(AbortSignal.abort(new Error("too late")))).rejects.toThrow("too late");
    const abort = new AbortController();
    const waiting = full.session(abort.signal);
    abort.abort(new Error("no longer"));
    await expect(waiting).rejects.toThrow("no longer");
  });

  it("waits for a place when all are taken", async () => {
    const narrow = open(testDatabase.url, 1);
    const first = await narrow.session(never);
    const second = narrow.session(never);
    await first.close();
    await using session = await second;
    expect(await session.rows("SELECT 1 AS one")).toEqual([{ one: 1 }]);
  });

  it("gives up connecting to a server that does not answer when the signal aborts", async () => {
    const silent = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => silent.once("listening", resolve));
    const address = silent.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const abort = new AbortController();
    const connecting = open(`postgres://u@127.0.0.1:${port}/db`).session(abort.signal);
    const refused = expect(connecting).rejects.toThrow("never mind");
    await new Promise((resolve) => silent.once("connection", resolve));
    abort.abort(new Error("never mind"));
    await refused;
    silent.close();
  });

  it("never goes on with another connection when its own is lost", async () => {
    await using session = await database.session(never);
    await session.begin();
    await observer.query(sql`SELECT pg_terminate_backend(${session.backendPid})`);
    await untilGone(session);
    await expect(session.query("SELECT 1")).rejects.toEqual(
      code("DATABASE_UNREACHABLE", /administrator command/),
    );
    await expect(session.query("SELECT 1")).rejects.toEqual(code("DATABASE_UNREACHABLE"));
    await session.rollback();
  });

  it("ends with its database, whatever it runs", async () => {
    const closing = open();
    const session = await closing.session(never);
    const refused = expect(session.query("SELECT pg_sleep(3600)")).rejects.toEqual(
      code("DATABASE_UNREACHABLE"),
    );
    await untilRunning(session);
    await closing.close();
    await refused;
    await untilGone(session);
    await expect(closing.session(never)).rejects.toEqual(code("DATABASE_UNREACHABLE", /closed/));
  });
});

describe("what goes wrong", () => {
  it("is DATABASE_UNREACHABLE where there is no server, no database or no such role, and never shows the password", async () => {
    const at = (change: (url: URL) => void): Promise<Session> => {
      const url = new URL(testDatabase.url);
      change(url);
      return open(url.href).session(never);
    };
    await expect(at((url) => (url.port = "1"))).rejects.toEqual(
      code("DATABASE_UNREACHABLE", /app.*ECONNREFUSED/),
    );
    await expect(at((url) => (url.pathname = "/nothing"))).rejects.toEqual(
      code("DATABASE_UNREACHABLE", /"nothing" does not exist/),
    );
    const wrong = at((url) => {
      url.username = "nobody";
      url.password = "hunter2";
    });
    await expect(wrong).rejects.toEqual(code("DATABASE_UNREACHABLE", /nobody/));
    await expect(wrong).rejects.not.toEqual(code("DATABASE_UNREACHABLE", /hunter2/));
  });

  it("is DATABASE_UNREACHABLE where the server hangs up before it has said anything", async () => {
    const server = createServer((socket) => socket.once("data", () => socket.destroy()));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    const port = address !== null && typeof address === "object" ? address.port : 0;
    const refused = open(`postgres://app@127.0.0.1:${port}/app?sslmode=disable`).session(never);
    await expect(refused).rejects.toEqual(code("DATABASE_UNREACHABLE", /closed the connection/));
    server.close();
  });

  it("has the catalogue's code, names the object and keeps rows out of the message", async () => {
    await using session = await database.session(never);
    await session.query(`
      CREATE TABLE public.people (id int PRIMARY KEY, email text UNIQUE, age int CHECK (age > 0));
      CREATE TABLE public.pets (owner int REFERENCES public.people);
      INSERT INTO public.people VALUES (1, 'a@b.c', 1);
      CREATE ROLE ${testDatabase.name}_guest`);
    const refuse = (statement: string): Promise<unknown> =>
      session.query(statement).catch((error: unknown) => error);

    expect(await refuse("SELECT FROM public.nothing")).toEqual(code("TABLE_MISSING", /public.nothing/));
    const double = await refuse("INSERT INTO public.people VALUES (2, 'a@b.c', 1)");
    expect(double).toEqual(code("UNIQUE_CONFLICT", /people_email_key/));
    expect(double).toMatchObject({ details: { table: "people", constraint: "people_email_key" } });
    const negative = await refuse("INSERT INTO public.people VALUES (3, 'secret', -1)");
    expect(negative).toEqual(code("CONSTRAINT_VIOLATED", /people_age_check/));
    expect(negative).not.toEqual(code("CONSTRAINT_VIOLATED", /secret/));
    expect(await refuse("INSERT INTO public.pets VALUES (9)")).toEqual(
      code("CONSTRAINT_VIOLATED", /pets_owner_fkey/),
    );

    await session.begin();
    await session.query(`SET LOCAL ROLE ${testDatabase.name}_guest`);
    expect(await refuse("SELECT FROM public.people")).toEqual(code("DATABASE_DENIED", /table people/));
    await session.rollback();

    await using holder = await database.session(never);
    await holder.begin();
    await holder.query("LOCK TABLE public.people");
    await session.query("SET lock_timeout = '10ms'");
    expect(await refuse("SELECT FROM public.people")).toEqual(code("TABLE_LOCKED"));
    await holder.rollback();

    await session.query(`DROP ROLE ${testDatabase.name}_guest`);
  });

  it("is left as it came where the catalogue has no word for it", async () => {
    await using session = await database.session(never);
    await expect(session.query("SELECT 1 / 0")).rejects.toThrow("division by zero");
  });
});
