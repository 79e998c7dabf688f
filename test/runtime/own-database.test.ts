// The ways to Holdfast's own database, which ledger, migrations and queue all go: over TLS as libpq's parameters say, and by unix socket.
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { sql } from "drizzle-orm";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { migrateLedger, openLedger, type Ledger } from "../../src/ledger/connect.ts";
import { postgresBackend } from "../../src/queue/backend.ts";
import { createDatabase, type TestDatabase } from "../support/postgres.ts";
import { CERTIFICATE, openTlsFront, type TlsFront } from "../support/tls-front.ts";
import { signIn, startBackup, startConfiguredStack } from "./configured-stack.ts";
import { createConfiguredWorld } from "./configured-world.ts";

const CHECKED = `sslmode=verify-full&sslrootcert=${CERTIFICATE}&channel_binding=prefer`;

async function openFront(url: string): Promise<TlsFront> {
  const front = await openTlsFront(url);
  onTestFinished(() => front[Symbol.asyncDispose]());
  return front;
}

const by = (url: string, port: number, query: string): string =>
  Object.assign(new URL(url), { port: String(port), search: query }).href;

/** What listens there hands on to the server. @returns the directory, as PostgreSQL names its sockets in one */
async function openUnixSocket(serverUrl: string): Promise<string> {
  const target = new URL(serverUrl);
  const directory = await mkdtemp(path.join(tmpdir(), "holdfast-socket-"));
  const server = net.createServer((near) => {
    const far = net.connect(Number(target.port), target.hostname);
    near.pipe(far).pipe(near);
    for (const end of [near, far]) end.on("error", () => near.destroy()).on("close", () => far.destroy());
  });
  server.listen(path.join(directory, ".s.PGSQL.5432"));
  await once(server, "listening");
  onTestFinished(async () => {
    server.close();
    await rm(directory, { recursive: true });
  });
  return directory;
}

describe("Holdfast's own database", () => {
  it.each(["TLS", "a unix socket"])("may be reached over %s by all that a server does there", async (way) => {
    const world = await createConfiguredWorld();
    onTestFinished(() => world[Symbol.asyncDispose]());
    const { username, password, pathname } = new URL(world.ownUrl);
    const ownUrl =
      way === "TLS"
        ? by(world.ownUrl, (await openFront(world.ownUrl)).port, CHECKED)
        : `postgres://${username}:${password}@${pathname}?host=${await openUnixSocket(world.ownUrl)}`;
    const stack = await startConfiguredStack(world, { ownUrl });
    onTestFinished(() => stack.close());
    const backup = await startBackup(stack, await signIn(stack, "admin"), "EVENTS");
    await expect.poll(backup, { timeout: 30_000 }).toMatchObject({ status: "SUCCEEDED" });
  });
});

it("settings in the URL are those of the ledger's sessions, and of the queue's; what is libpq's alone is none", async () => {
  const database = await createDatabase();
  onTestFinished(() => database.drop());
  const url = by(
    database.url,
    Number(new URL(database.url).port),
    "connect_timeout=5&target_session_attrs=any&keepalives=1&work_mem=5MB&DateStyle=SQL, DMY&options=-c search_path=a,b",
  );
  const expected = { work_mem: "5MB", datestyle: "SQL, DMY", search_path: "a,b" };
  const settings =
    "current_setting('work_mem') work_mem, current_setting('datestyle') datestyle, current_setting('search_path') search_path";
  const ledger = openLedger(url);
  onTestFinished(() => ledger.close());
  expect(await ledger.sql.unsafe(`select ${settings}`)).toEqual([expected]);
  const client = new pg.Client(postgresBackend(url, "tests").connection);
  onTestFinished(() => client.end());
  await client.connect();
  const { rows } = await client.query(
    `select ${settings}, current_setting('synchronous_commit') synchronous_commit`,
  );
  expect(rows).toEqual([{ ...expected, synchronous_commit: "off" }]);
});

describe("the ledger over TLS", () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createDatabase();
    await migrateLedger(database.url);
  });
  afterAll(() => database.drop());

  const ledgerBy = (port: number, query: string): Ledger => {
    const ledger = openLedger(by(database.url, port, query), { maxConnections: 2 });
    onTestFinished(() => ledger.close());
    return ledger;
  };
  const one = ({ db }: Ledger): Promise<unknown> => db.transaction((tx) => tx.execute(sql`select 1 as one`));

  it("is had where the URL asks for it, from the first byte on too, or would have it", async () => {
    const { port } = await openFront(database.url);
    for (const query of [
      CHECKED,
      "sslmode=require",
      "sslmode=require&sslnegotiation=direct",
      "sslmode=prefer",
    ])
      expect(await one(ledgerBy(port, query))).toEqual([{ one: 1 }]);
    expect(await one(ledgerBy(Number(new URL(database.url).port), "sslmode=prefer"))).toEqual([{ one: 1 }]);
  });

  it("is refused with a certificate that nobody vouches for, and is not gone without", async () => {
    const { port } = await openFront(database.url);
    await expect(one(ledgerBy(port, "sslmode=verify-full"))).rejects.toMatchObject({
      code: "DEPTH_ZERO_SELF_SIGNED_CERT",
    });
    const inTheClear = one(ledgerBy(Number(new URL(database.url).port), "sslmode=require"));
    await expect(inTheClear).rejects.toMatchObject({ code: "ERR_TLS_NOT_OFFERED" });
  });

  it("ends a transaction whose connection is cut and nothing else, and hears what is told after", async () => {
    const front = await openFront(database.url);
    const ledger = ledgerBy(front.port, CHECKED);
    const heard = Promise.withResolvers<string>();
    await ledger.sql.listen("told", heard.resolve);
    const transaction = ledger.db.transaction((tx) =>
      Promise.all([tx.execute(sql`select pg_sleep(60)`), delay(200).then(() => front.cut())]),
    );
    await expect(transaction).rejects.toMatchObject({
      code: expect.stringMatching(/^(CONNECTION_CLOSED|ECONNRESET)$/),
    });
    expect(await one(ledger)).toEqual([{ one: 1 }]);
    const telling = setInterval(() => void ledger.sql.notify("told", "again").catch(() => undefined), 100);
    onTestFinished(() => clearInterval(telling));
    expect(await heard.promise).toBe("again");
  });
});
