import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import postgres from "postgres";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { startEmbedded } from "../../src/embedded/embedded.ts";

let dataDir: string;

beforeEach(async () => {
  dataDir = await mkdtemp(path.join(tmpdir(), "holdfast-embedded-"));
});
afterEach(async () => {
  await rm(dataDir, { recursive: true, force: true });
});

let made: string;

beforeAll(async () => {
  made = await mkdtemp(path.join(tmpdir(), "holdfast-made-"));
  const server = await startEmbedded({ dataDir: made });
  await server.stop();
});
afterAll(async () => {
  await rm(made, { recursive: true, force: true });
});

/** Has the tests of a block start on copies of a database that is already made, which is quicker. */
function startFromMade(): void {
  beforeEach(async () => {
    await promisify(execFile)("cp", ["-a", `${made}/.`, dataDir]);
  });
}

async function ask<T extends object>(url: string, statement: string): Promise<T[]> {
  const sql = postgres(url, { max: 1, onnotice: () => undefined });
  try {
    return await sql.unsafe<T[]>(statement);
  } finally {
    await sql.end();
  }
}

const readPid = async () =>
  Number.parseInt(await readFile(path.join(dataDir, "postgres/postmaster.pid"), "utf8"), 10);

/** Whether the process runs; one that has ended and only waits for its parent to notice does not. */
async function isAlive(pid: number): Promise<boolean> {
  const state = await readStat(pid).catch(() => undefined);
  return state !== undefined && state.state !== "Z";
}

async function untilGone(pid: number): Promise<void> {
  while (await isAlive(pid)) await sleep(20);
}

/** Starts another process that holds the directory. */
async function startHolder() {
  const child = spawn(process.execPath, [path.join(import.meta.dirname, "holder-process.ts"), dataDir], {
    stdio: ["ignore", "pipe", "inherit"],
    detached: true,
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const nextLine = async () => String((await lines.next()).value);
  const exited = once(child, "exit");
  const url = await nextLine();
  const pid = child.pid ?? 0;
  return { url, pid, nextLine, exited, postmaster: await readPid() };
}

describe("the first start", () => {
  it("serves the database `holdfast` on the loopback address alone, with durable settings", async () => {
    const server = await startEmbedded({ dataDir });
    try {
      const [settings] = await ask(
        server.url,
        `select current_database() as name, current_setting('listen_addresses') as addresses,
           current_setting('fsync') as fsync, current_setting('full_page_writes') as full_page_writes,
           current_setting('data_checksums') as checksums, current_setting('max_connections') as connections,
           current_setting('server_version_num')::int / 10000 as major`,
      );
      expect(settings).toEqual({
        name: "holdfast",
        addresses: "127.0.0.1",
        connections: "100",
        major: 18,
        fsync: "on",
        full_page_writes: "on",
        checksums: "on",
      });
      expect(new URL(server.url).port).toBe(String(server.port));
    } finally {
      await server.stop();
    }
  });

  it("starts below directories that only their owner may enter, and leaves those closed", async () => {
    const closed = path.join(dataDir, "closed");
    await mkdir(closed, { mode: 0o700 });
    const server = await startEmbedded({ dataDir: path.join(closed, "inner") });
    await server.stop();
    for (const directory of [closed, path.join(closed, "inner")])
      expect((await stat(directory)).mode & 0o777).toBe(0o700);
  });

  it("makes the database anew when a first start was cut short", async () => {
    const draft = path.join(dataDir, "postgres.new-abcdef");
    await mkdir(path.join(draft, "base"), { recursive: true });
    await writeFile(path.join(draft, "PG_VERSION"), "18\n");
    const server = await startEmbedded({ dataDir });
    await server.stop();
    expect((await readdir(dataDir)).toSorted()).toEqual(["postgres", "postgres.lock"]);
  });

  it("says so when the data directory cannot be written to", async () => {
    const file = path.join(dataDir, "file");
    await writeFile(file, "");
    await expect(startEmbedded({ dataDir: path.join(file, "below") })).rejects.toMatchObject({
      code: "EMBEDDED_FAILED",
      message: expect.stringContaining("Cannot write to the data directory"),
    });
  });
});

describe("a later start", () => {
  startFromMade();

  it("keeps its rows and its password over restarts", async () => {
    const first = await startEmbedded({ dataDir });
    await ask(first.url, "create table kept as select 42 as value");
    await first.stop();
    const second = await startEmbedded({ dataDir });
    expect(await ask(second.url, "select value from kept")).toEqual([{ value: 42 }]);
    expect(new URL(second.url).password).toBe(new URL(first.url).password);
    await second.stop();
  });

  it("asks for the password, which only the owner of its file can read", async () => {
    const server = await startEmbedded({ dataDir });
    try {
      const wrong = new URL(server.url);
      wrong.password = "holdfast";
      await expect(ask(wrong.href, "select 1")).rejects.toMatchObject({ code: "28P01" });
      const file = await stat(path.join(dataDir, "postgres/holdfast.password"));
      expect(file.mode & 0o777).toBe(0o600);
    } finally {
      await server.stop();
    }
  });

  it("lets later settings win, and tells PostgreSQL's own words when it cannot start", async () => {
    const server = await startEmbedded({ dataDir, settings: { fsync: "off" } });
    expect(await ask(server.url, "show fsync")).toEqual([{ fsync: "off" }]);
    await server.stop();
    await expect(startEmbedded({ dataDir, settings: { fsync: "perhaps" } })).rejects.toMatchObject({
      code: "EMBEDDED_FAILED",
      message: expect.stringContaining('"fsync" requires a Boolean value'),
    });
    const again = await startEmbedded({ dataDir });
    await again.stop();
  });

  it("says what is missing when the password's file is lost, and changes nothing", async () => {
    await rm(path.join(dataDir, "postgres/holdfast.password"));
    await expect(startEmbedded({ dataDir })).rejects.toMatchObject({
      code: "EMBEDDED_FAILED",
      message: expect.stringContaining("holdfast.password is missing"),
    });
    expect(await readFile(path.join(dataDir, "postgres/PG_VERSION"), "utf8")).toBe("18\n");
  });

  it.runIf(process.getuid?.() === 0)(
    "as root it goes on under the account that the directory belongs to",
    async () => {
      const server = await startEmbedded({ dataDir });
      await server.stop();
      const nobody = 65_534;
      await promisify(execFile)("chown", ["-R", `${nobody}:${nobody}`, path.join(dataDir, "postgres")]);
      const next = await startEmbedded({ dataDir });
      expect((await stat(`/proc/${await readPid()}`)).uid).toBe(nobody);
      await next.stop();
    },
  );
});

describe("one directory", () => {
  startFromMade();

  it("is held by one process at a time", async () => {
    const holder = await startHolder();
    await expect(startEmbedded({ dataDir })).rejects.toMatchObject({
      code: "EMBEDDED_IN_USE",
      message: expect.stringContaining(dataDir),
    });
    expect(await ask(holder.url, "select 1 as one")).toEqual([{ one: 1 }]);
    process.kill(holder.pid, "SIGINT");
    await holder.exited;
    const server = await startEmbedded({ dataDir });
    await server.stop();
  });

  it("is held once within a process too, and is free again after stop, which may be called twice", async () => {
    const server = await startEmbedded({ dataDir });
    await expect(startEmbedded({ dataDir })).rejects.toMatchObject({ code: "EMBEDDED_IN_USE" });
    await Promise.all([server.stop(), server.stop()]);
    const again = await startEmbedded({ dataDir });
    await again.stop();
  });

  it("goes to exactly one of several that start at once", async () => {
    const starts = await Promise.allSettled([1, 2, 3].map(() => startEmbedded({ dataDir })));
    const started = starts.flatMap((start) => (start.status === "fulfilled" ? [start.value] : []));
    expect(started).toHaveLength(1);
    await started[0]?.stop();
  });
});

describe("when processes are killed", () => {
  startFromMade();

  it("Ctrl-C leaves the database up until Holdfast stops it", async () => {
    const holder = await startHolder();
    process.kill(-holder.pid, "SIGINT");
    expect(await holder.nextLine()).toBe("still here");
    await holder.exited;
    expect(await isAlive(holder.postmaster)).toBe(false);
  });

  it("PostgreSQL shuts down by itself after kill -9 of Holdfast, with nothing lost", async () => {
    const holder = await startHolder();
    await ask(holder.url, "create table kept as select 42 as value");
    process.kill(holder.pid, "SIGKILL");
    await untilGone(holder.postmaster);
    const server = await startEmbedded({ dataDir });
    expect(await ask(server.url, "select value from kept")).toEqual([{ value: 42 }]);
    await server.stop();
  });

  it("a PostgreSQL that outlives Holdfast all the same is stopped by the next start", async () => {
    const holder = await startHolder();
    await ask(holder.url, "create table kept as select 42 as value");
    const { parent: keeper } = await readStat(holder.postmaster);
    for (const child of await childrenOf(keeper))
      if (child !== holder.postmaster) process.kill(child, "SIGKILL");
    process.kill(keeper, "SIGKILL");
    process.kill(holder.pid, "SIGKILL");
    await holder.exited;
    expect(await isAlive(holder.postmaster)).toBe(true);

    const lines: string[] = [];
    const server = await startEmbedded({ dataDir, log: (line) => lines.push(line) });
    expect(await isAlive(holder.postmaster)).toBe(false);
    expect(lines).toContainEqual(expect.stringContaining(`process ${holder.postmaster}`));
    expect(await ask(server.url, "select value from kept")).toEqual([{ value: 42 }]);
    await server.stop();
  });

  it("kill -9 of PostgreSQL is told to Holdfast, and the next start recovers", async () => {
    const lost = Promise.withResolvers<unknown>();
    const server = await startEmbedded({ dataDir, onLost: lost.resolve });
    await ask(server.url, "create table kept as select 42 as value");
    process.kill(await readPid(), "SIGKILL");
    expect(await lost.promise).toMatchObject({ code: "EMBEDDED_FAILED" });
    await server.stop();
    const next = await startEmbedded({ dataDir });
    expect(await ask(next.url, "select value from kept")).toEqual([{ value: 42 }]);
    await next.stop();
  });

  it("a lock file that names some other live process by now does not keep PostgreSQL from starting", async () => {
    const server = await startEmbedded({ dataDir });
    const file = path.join(dataDir, "postgres/postmaster.pid");
    const locked = await readFile(file, "utf8");
    await server.stop();
    await writeFile(file, locked.replace(/^\d+/, String(process.ppid)), { mode: 0o600 });
    await chmod(file, 0o644);
    const next = await startEmbedded({ dataDir });
    await next.stop();
    expect(await isAlive(process.ppid)).toBe(true);
  });
});

async function readStat(pid: number): Promise<{ state: string; parent: number }> {
  const line = await readFile(`/proc/${pid}/stat`, "utf8");
  const [state = "", parent] = line.slice(line.lastIndexOf(")") + 2).split(" ");
  return { state, parent: Number(parent) };
}

async function childrenOf(pid: number): Promise<number[]> {
  const line = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8");
  return line.trim().split(" ").map(Number);
}
