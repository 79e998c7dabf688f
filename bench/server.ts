// The PostgreSQL that is measured against: a cluster of its own on the loopback address, with the settings that PostgreSQL
// comes with; Debian's PostgreSQL 15, or the embedded one for Holdfast alone.
import { execFile } from "node:child_process";
import { chown, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import postgres from "postgres";
import { postgresAccount } from "../src/embedded/account.ts";
import { locateBinaries } from "../src/embedded/binaries.ts";
import { startOnFreePort } from "../src/embedded/free-port.ts";
import { TICKS_PER_SECOND } from "./child.ts";
import { POSTGRES_15 } from "./tools.ts";

const run = promisify(execFile);

export type ServerKind = "postgresql-15" | "embedded";

/** All of them only grow. */
export interface Counters {
  /** User and system, of the server with all the sessions that have ended by now. */
  readonly cpuSeconds: number;
  readonly walBytes: number;
  readonly writtenRows: number;
}

export interface BenchServer extends AsyncDisposable {
  /** Of the database `bench`, as its superuser. */
  readonly url: string;
  /** Where `pg_dump` and its siblings are. */
  readonly binDirectory: string;
  /** As the server prints it. */
  readonly version: string;
  readonly sql: postgres.Sql;
  cpuSeconds(): Promise<number>;
  counters(): Promise<Counters>;
  checkpoint(): Promise<void>;
}

/** The caller disposes of it: the server is stopped and its files are deleted. */
export async function startServer(kind: ServerKind = "postgresql-15"): Promise<BenchServer> {
  await using opened = new AsyncDisposableStack();
  const parent = await mkdtemp(path.join(tmpdir(), "holdfast-bench-"));
  opened.defer(() => rm(parent, { recursive: true, force: true }));
  const directory = path.join(parent, "postgres");
  const account = await postgresAccount(directory, () => undefined);
  if (account !== undefined) await chown(parent, account.uid, account.gid);
  const { initdb, postgres: program } =
    kind === "embedded"
      ? await locateBinaries(account)
      : { initdb: path.join(POSTGRES_15, "initdb"), postgres: path.join(POSTGRES_15, "postgres") };
  await run(initdb, ["-D", directory, "-U", "bench", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"], {
    ...account,
    cwd: parent,
  });
  const { port, postmaster } = await startOnFreePort({
    program,
    directory,
    settings: {},
    account,
    log: () => undefined,
  });
  opened.defer(() => postmaster.stop());
  const url = (database: string) => `postgres://bench@127.0.0.1:${port}/${database}`;
  const maintenance = postgres(url("postgres"), { max: 1 });
  await maintenance`create database bench`;
  await maintenance.end();
  const sql = postgres(url("bench"), { max: 1, onnotice: () => undefined });
  opened.defer(() => sql.end());
  const { stdout } = await run(program, ["--version"]);
  const pid = await postmasterPid(directory);
  const closing = opened.move();
  return {
    url: url("bench"),
    binDirectory: POSTGRES_15,
    version: stdout.trim(),
    sql,
    cpuSeconds: () => cpuSecondsOf(pid),
    counters: async () => ({ ...(await countersOf(sql)), cpuSeconds: await cpuSecondsOf(pid) }),
    checkpoint: async () => void (await sql`checkpoint`),
    [Symbol.asyncDispose]: () => closing.disposeAsync(),
  };
}

async function countersOf(sql: postgres.Sql): Promise<Omit<Counters, "cpuSeconds">> {
  const [row] = await sql<{ wal: string; written: string }[]>`
    select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::text as wal,
      coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0)::text as written
    from pg_stat_user_tables where schemaname = 'public'`;
  return { walBytes: Number(row?.wal), writtenRows: Number(row?.written) };
}

async function postmasterPid(directory: string): Promise<number> {
  const [first = ""] = (await readFile(path.join(directory, "postmaster.pid"), "utf8")).split("\n");
  return Number(first);
}

/** Sessions that ended are counted with the postmaster, which has waited for them (proc(5), fields 14 to 17 of stat). */
async function cpuSecondsOf(postmaster: number): Promise<number> {
  let ticks = 0;
  for (const entry of await readdir("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    const stat = await readFile(`/proc/${entry}/stat`, "utf8").catch(() => "");
    // The name of the program, which may hold anything, ends with the last parenthesis.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const times = fields.slice(11, 15).map(Number);
    if (Number(entry) === postmaster) ticks += sum(times);
    else if (Number(fields[1]) === postmaster) ticks += sum(times.slice(0, 2));
  }
  return ticks / TICKS_PER_SECOND;
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
