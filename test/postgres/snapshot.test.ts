// Snapshots and copies on a real server: what they see, what they wait for, and how they end.
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openDatabase, type Database } from "../../src/postgres/connect.ts";
import { copyOut, planCopies, type CopyTask } from "../../src/postgres/copy-out.ts";
import type { Session } from "../../src/postgres/session.ts";
import { openSnapshot, type Snapshot } from "../../src/postgres/snapshot.ts";
import type { TableShape } from "../../src/postgres/table-shape.ts";
import { createDatabase, type TestDatabase } from "../support/postgres.ts";

let testDatabase: TestDatabase;
let database: Database;
/** Stands for the application whose database it is. */
let app: Session;

const never = new AbortController().signal;
const table = (name: string) => ({ schema: "public", name });
const open = (...names: string[]): Promise<Snapshot> => openSnapshot(database, names.map(table), never);

beforeAll(async () => {
  testDatabase = await createDatabase();
  database = openDatabase({
    name: "app",
    url: testDatabase.url,
    applicationName: "holdfast test",
    maxConnections: 12,
  });
  app = await database.session(never);
  await app.query("SET search_path = public");
});
afterAll(async () => {
  await database.close();
  await testDatabase.drop();
});

async function readText(session: Session, tasks: Iterable<CopyTask>): Promise<string> {
  const pieces: Buffer[] = [];
  for (const task of tasks) for await (const batch of copyOut(session, task)) pieces.push(batch.bytes);
  return Buffer.concat(pieces).toString();
}

async function readRows(snapshot: Snapshot): Promise<string[]> {
  const tasks = planCopies(snapshot.tables, { connections: 1, serverVersion: snapshot.leader.serverVersion });
  return (await readText(snapshot.leader, tasks)).split("\n").slice(0, -1);
}

/** As if it were so large that it is worth splitting, page by page. */
function enlarged(shape: TableShape): TableShape {
  const leaves = shape.leaves.map((leaf) => ({ ...leaf, sizeBytes: 1024 ** 4 }));
  return { ...shape, leaves, sizeBytes: 1024 ** 4 };
}

/** Until some session that runs such a statement waits for a lock. */
async function isBlocked(statement: string): Promise<void> {
  await using observer = await database.session(never);
  for (;;) {
    const rows = await observer.rows(
      sql`SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE ${statement}`,
    );
    if (rows.length > 0) return;
  }
}

describe("a snapshot", () => {
  it("tells when it was taken, of which server, and what its tables look like", async () => {
    await app.query("CREATE TABLE described (id int PRIMARY KEY)");
    await using snapshot = await open("described");
    const [now] = await app.rows<{ now: string; version: string }>(
      "SELECT extract(epoch FROM now())::text AS now, current_setting('server_version') AS version",
    );
    expect(snapshot.takenAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(Math.abs(Date.parse(snapshot.takenAt) / 1_000 - Number(now?.now))).toBeLessThan(60);
    expect(snapshot.serverVersion).toBe(now?.version);
    expect(snapshot.encoding).toBe("UTF8");
    expect(snapshot.tables.map((shape) => shape.key)).toEqual([["id"]]);
  });

  it("shows its leader and all who join the same rows, whatever is written meanwhile", async () => {
    await app.query("CREATE TABLE frozen AS SELECT generate_series(1, 3) AS id");
    await using snapshot = await open("frozen");
    await app.query("INSERT INTO frozen VALUES (4); DELETE FROM frozen WHERE id = 1");
    const joined = await snapshot.join(never);
    const tasks = planCopies(snapshot.tables, { connections: 1, serverVersion: 0 });
    expect(await readText(joined, tasks)).toBe("1\n2\n3\n");
    expect(await readText(snapshot.leader, tasks)).toBe("1\n2\n3\n");
  });

  it("can only read", async () => {
    await app.query("CREATE TABLE untouched (id int)");
    await using snapshot = await open("untouched");
    await expect(snapshot.leader.query("INSERT INTO public.untouched VALUES (1)")).rejects.toThrow(
      /read-only/,
    );
  });

  it("keeps its tables from being truncated or altered until it is closed", async () => {
    await app.query("CREATE TABLE held AS SELECT 1 AS id");
    const snapshot = await open("held");
    await app.query("SET lock_timeout = '20ms'");
    await expect(app.query("TRUNCATE held")).rejects.toMatchObject({ code: "TABLE_LOCKED" });
    await expect(app.query("ALTER TABLE held ADD more int")).rejects.toMatchObject({ code: "TABLE_LOCKED" });
    await snapshot.close();
    await app.query("TRUNCATE held; RESET lock_timeout");
  });

  it("sees what was committed before it got its locks", async () => {
    await app.query("CREATE TABLE rewritten AS SELECT generate_series(1, 2) AS id");
    await app.begin();
    await app.query("TRUNCATE rewritten; INSERT INTO rewritten VALUES (7)");
    const opening = open("rewritten");
    await isBlocked("LOCK TABLE%rewritten%");
    await app.commit();
    await using snapshot = await opening;
    expect(await readRows(snapshot)).toEqual(["7"]);
  });

  it("gives up after its time when a table is locked, and says which and by whom", async () => {
    await app.query(
      "CREATE TABLE busy (id int) PARTITION BY LIST (id); CREATE TABLE busy_1 PARTITION OF busy DEFAULT",
    );
    await using holder = await database.session(never);
    await holder.begin();
    await holder.query("LOCK TABLE public.busy_1");
    const refused = openSnapshot(database, [table("busy")], never, { lockTimeoutMs: 50 });
    await expect(refused).rejects.toMatchObject({
      code: "TABLE_LOCKED",
      message: expect.stringMatching(
        new RegExp(`public\\.busy_1 by process ${holder.backendPid} \\(holdfast test\\)`),
      ),
      details: { database: "app", tables: ["public.busy_1"] },
    });
    await holder.rollback();
  });

  it("does not let anybody join who would have to wait for those who wait for the leader", async () => {
    await app.query("CREATE TABLE wanted AS SELECT 1 AS id");
    const snapshot = await open("wanted");
    await using other = await database.session(never);
    const altering = other.query("ALTER TABLE public.wanted ADD more int");
    await isBlocked("ALTER TABLE public.wanted%");
    await expect(snapshot.join(never)).rejects.toMatchObject({ code: "TABLE_LOCKED" });
    expect(await readRows(snapshot)).toEqual(["1"]);
    await snapshot.close();
    await altering;
  });

  it("refuses tables whose policies would hide rows from the role, all by name", async () => {
    const role = testDatabase.name;
    await app.query(`
      CREATE TABLE hidden (id int); ALTER TABLE hidden ENABLE ROW LEVEL SECURITY;
      CREATE TABLE open_to_all (id int);
      CREATE TABLE hidden_too (id int); ALTER TABLE hidden_too ENABLE ROW LEVEL SECURITY;
      CREATE ROLE ${role} LOGIN PASSWORD 'made-up'; GRANT SELECT ON hidden, open_to_all, hidden_too TO ${role}`);
    const url = new URL(testDatabase.url);
    url.username = role;
    url.password = "made-up";
    const limited = openDatabase({ name: "app", url: url.href, applicationName: "", maxConnections: 3 });
    try {
      const names = ["hidden", "open_to_all", "hidden_too"].map(table);
      await expect(openSnapshot(limited, names, never)).rejects.toMatchObject({
        code: "ROW_SECURITY",
        details: { tables: ["public.hidden", "public.hidden_too"] },
      });
      await using snapshot = await openSnapshot(limited, [table("open_to_all")], never);
      expect(await readRows(snapshot)).toEqual([]);
      await using session = await limited.session(never);
      await expect(session.query("SELECT FROM public.hidden")).rejects.toMatchObject({
        code: "ROW_SECURITY",
      });
      await expect(openSnapshot(limited, [table("frozen")], never)).rejects.toMatchObject({
        code: "DATABASE_DENIED",
        message: expect.stringMatching(/frozen/),
      });
    } finally {
      await limited.close();
      await app.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
    }
  });

  it("names every missing table and leaves no session behind", async () => {
    const before = await app.rows("SELECT pid FROM pg_stat_activity WHERE datname = current_database()");
    await expect(open("frozen", "nothing", "nowhere")).rejects.toMatchObject({
      code: "TABLE_MISSING",
      details: { tables: ["public.nothing", "public.nowhere"] },
    });
    const after = await app.rows("SELECT pid FROM pg_stat_activity WHERE datname = current_database()");
    expect(after).toEqual(before);
  });

  it("is one moment for all tables and pages, however many sessions read and others write", async () => {
    const total = 1_000_000;
    await app.query(`
      CREATE TABLE accounts (id int PRIMARY KEY, balance bigint NOT NULL, filler text NOT NULL);
      CREATE TABLE savings (id int PRIMARY KEY, balance bigint NOT NULL, filler text NOT NULL);
      INSERT INTO accounts SELECT g, ${total / 1_000}, repeat('x', 200) FROM generate_series(1, 1000) g;
      INSERT INTO savings SELECT g, 0, repeat('x', 200) FROM generate_series(1, 1000) g`);
    const stop = new AbortController();
    const writers = [1, 2, 3].map(async (seed) => {
      await using writer = await database.session(never);
      await writer.query("SET search_path = public");
      for (let round = 0; !stop.signal.aborted; round += 1) {
        // Moves money between the tables, and a row to another page.
        const id = ((seed * 7919 + round * 31) % 1_000) + 1;
        await writer.query(`
          UPDATE accounts SET balance = balance - 5, filler = repeat('y', ${round % 200}) WHERE id = ${id};
          UPDATE savings SET balance = balance + 5 WHERE id = ${1_001 - id}`);
      }
    });
    try {
      for (let round = 0; round < 5; round += 1) {
        await using snapshot = await open("accounts", "savings");
        const sessions = [snapshot.leader, await snapshot.join(never), await snapshot.join(never)];
        const tasks = planCopies(snapshot.tables.map(enlarged), {
          connections: sessions.length,
          serverVersion: snapshot.leader.serverVersion,
        });
        expect(tasks.length).toBeGreaterThanOrEqual(snapshot.leader.serverVersion < 140_000 ? 2 : 20);
        const texts = await Promise.all(
          sessions.map(async (session) => {
            let text = "";
            for (let task = tasks.shift(); task !== undefined; task = tasks.shift()) {
              text += await readText(session, [task]);
            }
            return text;
          }),
        );
        const rows = texts.flatMap((text) => text.split("\n").slice(0, -1)).map((line) => line.split("\t"));
        expect(rows.length).toBe(2_000);
        expect(rows.reduce((sum, [, balance]) => sum + Number(balance), 0)).toBe(total);
      }
    } finally {
      stop.abort();
      await Promise.all(writers);
    }
  });

  it("ends with its signal, and lets go of the tables", async () => {
    await app.query("CREATE TABLE released AS SELECT generate_series(1, 5) AS id");
    const abort = new AbortController();
    const snapshot = await openSnapshot(database, [table("released")], abort.signal);
    abort.abort(new Error("cancelled"));
    await expect(snapshot.join(abort.signal)).rejects.toThrow("cancelled");
    await expect(readRows(snapshot)).rejects.toThrow("cancelled");
    await snapshot.close();
    await app.query("TRUNCATE released");
  });
});
