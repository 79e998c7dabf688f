// Streams that do not come to their end: failures in the middle, clients that leave, that stop reading, and too many of them.
import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { tarSource } from "../../src/engine/artifact-io.ts";
import { authorized, curl, start, type Running } from "./curl.ts";
import { ALL, startTestServer, type Account, type TestServer } from "./server-fixture.ts";

/** Some 1,700 bytes each, that cannot be made much smaller. Two parts of a COPY are in memory at most, 64 MiB: the rest waits. */
const ROWS = 90_000;

let server: TestServer;
let account: Account;
let directory: string;
beforeAll(async () => {
  server = await startTestServer({ connections: 1 }, { maxStreams: 1, stallMs: 3_000 });
  account = await server.accountWith(...ALL);
  const { sql } = server.world.ledger;
  await sql`insert into platform.streams (name) values ('large')`;
  await sql`
    insert into platform.log_entries (stream_id, level, message)
    select (select id from platform.streams), 'INFO',
      (select string_agg(encode(sha512((12 * n + k)::text::bytea), 'hex'), '') from generate_series(1, 12) k)
    from generate_series(1, ${ROWS}) n`;
  await sql`analyze platform.log_entries`;
});
afterAll(() => server[Symbol.asyncDispose]());

let running: Running | undefined;
beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "holdfast-midway-"));
});
afterEach(async () => {
  running?.child.kill("SIGKILL");
  await running?.outcome;
  running = undefined;
  await expect.poll(backends, { timeout: 30_000 }).toEqual([]);
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const url = (): string => `${server.url}/api/v1/backup/logs`;
const file = (): string => path.join(directory, "logs.db");

/** Sessions of backups, and what they are at. */
async function backends(): Promise<{ pid: number; query: string; waits: string | null }[]> {
  return server.world.ledger.sql`
    select pid, query, wait_event as waits from pg_stat_activity
    where datname = current_database() and application_name = 'holdfast backup'`;
}

/** Starts a download that takes its time, and resolves when some of it has come and the rows wait for it. */
async function startSlowly(): Promise<Running> {
  await rm(file(), { force: true });
  // The stream before may have let go of its sessions, and not yet of its place: 429 is asked again.
  const patiently = ["--fail", "--retry", "5", "--limit-rate", "2M"];
  running = start("curl", ["-sS", ...patiently, "-o", file(), ...authorized(account), url()]);
  await expect.poll(arrivedBytes, { timeout: 50_000 }).toBeGreaterThan(0);
  await expect.poll(copying, { timeout: 30_000 }).not.toEqual([]);
  return running;
}

const arrivedBytes = async (): Promise<number> => (await stat(file()).catch(() => undefined))?.size ?? 0;

/** Ends the session of the backup that copies, as an administrator may. */
async function terminateCopy(): Promise<void> {
  await expect
    .poll(
      async () => {
        const [pid] = await copying();
        return pid === undefined ? [] : server.world.ledger.sql`select pg_terminate_backend(${pid}) as done`;
      },
      { timeout: 30_000 },
    )
    .toEqual([{ done: true }]);
}

/** Sessions whose COPY waits for the reader. */
async function copying(): Promise<number[]> {
  const found = await backends();
  return found
    .filter(({ query, waits }) => query.includes("; COPY ") && waits === "ClientWrite")
    .map(({ pid }) => pid);
}

const actions = async (): Promise<string[]> => {
  const rows = await server.world.ledger.sql<{ action: string }[]>`
    select action from platform.audit_logs where action like 'backup.%' order by id desc limit 2`;
  return rows.map(({ action }) => action).toReversed();
};

describe("a failure in the middle of a backup", () => {
  it("is a failure to curl", async () => {
    const { outcome } = await startSlowly();
    await terminateCopy();
    expect((await outcome).exitCode).toBe(18);
    // Some of it has come, which is recognised for what it is.
    expect(await arrivedBytes()).toBeGreaterThan(0);
    await expect(tarSource(file())).rejects.toMatchObject({ code: "ARTIFACT_INCOMPLETE" });
    await expect.poll(actions).toEqual(["backup.started", "backup.failed"]);
    const entry = expect.objectContaining({ msg: "a backup ended before it was whole", group: "LOGS" });
    await expect.poll(() => server.logged).toContainEqual(entry);
  });

  it("could not be told from its end over HTTP/1.0, which is refused", async () => {
    const { status, json } = await curl(url(), "--http1.0", ...authorized(account));
    expect([status, json.error?.code]).toEqual([505, "HTTP_VERSION_TOO_OLD"]);
    expect(await backends()).toEqual([]);
  });
});

describe("a client that leaves", () => {
  it("in the middle of a backup ends it, and its sessions", async () => {
    const { child, outcome } = await startSlowly();
    child.kill("SIGKILL");
    await outcome;
    await expect.poll(backends, { timeout: 10_000 }).toEqual([]);
    await expect.poll(actions).toEqual(["backup.started", "backup.failed"]);
  });

  it("before the first byte, while a table is locked, ends it as well", async () => {
    const { sql } = server.world.ledger;
    await sql.begin(async (tx) => {
      await tx`lock table platform.log_entries in access exclusive mode`;
      running = start("curl", ["-sS", "-o", file(), ...authorized(account), url()]);
      await expect.poll(backends, { timeout: 30_000 }).not.toEqual([]);
      running.child.kill("SIGKILL");
      await expect.poll(backends, { timeout: 10_000 }).toEqual([]);
    });
  });

  it("or takes nothing any more, is one that has gone", async () => {
    const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
    socket.on("error", () => undefined);
    socket.pause();
    socket.write(
      `GET /api/v1/backup/logs HTTP/1.1\r\nHost: x\r\nAuthorization: ${account.authorization}\r\n\r\n`,
    );
    await expect.poll(backends, { timeout: 30_000 }).not.toEqual([]);
    await expect.poll(backends, { timeout: 30_000 }).toEqual([]);
    socket.destroy();
  });
});

describe("streams at once", () => {
  it("past the limit are refused with 429 and when to come back, and one that ends makes room", async () => {
    const { child, outcome } = await startSlowly();
    const roles = `${server.url}/api/v1/backup/auth`;
    const refused = await curl(roles, ...authorized(account));
    expect([refused.status, refused.json.error?.code]).toEqual([429, "TOO_MANY_STREAMS"]);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    child.kill("SIGKILL");
    await outcome;
    await expect
      .poll(async () => (await curl(roles, ...authorized(account))).status, { timeout: 20_000 })
      .toBe(200);
  });
});

describe("an upload that breaks off", () => {
  const spooled = async (): Promise<string[]> => readdir(server.deps.spoolDirectory).catch(() => []);
  const restores = () => server.world.ledger.sql`
    select from platform.audit_logs where action like 'restore.%'`;

  it("changes nothing and leaves nothing", async () => {
    const large = path.join(directory, "large.db");
    expect((await start("truncate", ["-s", "64M", large]).outcome).exitCode).toBe(0);
    running = start("curl", [
      ...["-sS", "--limit-rate", "1M", "--form", `backup=@${large}`, ...authorized(account)],
      `${server.url}/api/v1/restore/logs`,
    ]);
    await expect.poll(spooled, { timeout: 30_000 }).toHaveLength(1);
    running.child.kill("SIGKILL");
    await expect.poll(spooled, { timeout: 30_000 }).toEqual([]);
    expect(await restores()).toHaveLength(0);
  });

  it("because its client sends nothing any more is ended", async () => {
    const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
    const closed = new Promise((resolve) => socket.on("close", resolve).on("error", resolve));
    socket.resume();
    socket.write(
      `POST /api/v1/restore/logs HTTP/1.1\r\nHost: x\r\nAuthorization: ${account.authorization}\r\n` +
        "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 1000\r\n\r\n" +
        '--b\r\nContent-Disposition: form-data; name="backup"; filename="x"\r\n\r\nsome',
    );
    await expect.poll(spooled, { timeout: 30_000 }).toHaveLength(1);
    await closed;
    await expect.poll(spooled, { timeout: 30_000 }).toEqual([]);
    expect(await restores()).toHaveLength(0);
  });
});

describe("a server that closes", () => {
  it("ends the streams that do not end in time, and waits until nothing of them is going on", async () => {
    await using other = await startTestServer({ databaseUrl: () => server.world.url, connections: 1 });
    const reader = await other.accountWith("READ_STREAMS");
    running = start("curl", [
      ...[
        "-sS",
        "--limit-rate",
        "2M",
        "-o",
        file(),
        ...authorized(reader),
        `${other.url}/api/v1/backup/logs`,
      ],
    ]);
    await expect.poll(copying, { timeout: 30_000 }).not.toEqual([]);
    await other.running.close({ graceMs: 0 });
    expect(await backends()).toEqual([]);
    expect((await running.outcome).exitCode).toBe(18);
  });
});
