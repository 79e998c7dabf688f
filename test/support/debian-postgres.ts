// Debian's PostgreSQL 15, for what has to hold from one major version to another: a cluster of its own on a free loopback port.
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, chown, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { ownDirectory, postgresAccount } from "../../src/embedded/account.ts";
import { startOnFreePort } from "../../src/embedded/free-port.ts";

const run = promisify(execFile);

const PROGRAMS = "/usr/lib/postgresql/15/bin";
const ROLE = "postgres";

/** Where it is not installed (`apt-get install postgresql-15`), tests that need it are to be skipped, and say so. */
export const hasPostgres15 = existsSync(path.join(PROGRAMS, "postgres"));

export interface OtherServer extends AsyncDisposable {
  /** Of the database `postgres`, as the superuser. */
  readonly url: string;
  stop(): Promise<void>;
}

/**
 * Ready in a second or two; the caller stops it, and it ends by itself with this process.
 * @param settings of postgresql.conf, over those that tests want
 */
export async function startPostgres15(settings: Readonly<Record<string, string>> = {}): Promise<OtherServer> {
  const parent = await mkdtemp(path.join(tmpdir(), "holdfast-test-15-"));
  const directory = path.join(parent, "postgres");
  const log = (): void => undefined;
  const account = await postgresAccount(directory, log);
  await mkdir(directory, { mode: 0o700 });
  if (account !== undefined) {
    await chmod(parent, 0o755);
    await chown(directory, account.uid, account.gid);
  }
  const initdb = [
    `--pgdata=${ownDirectory(directory, account)}`,
    `--username=${ROLE}`,
    "--auth=trust",
    "--encoding=UTF8",
    "--locale=C",
    "--no-sync",
    "--no-instructions",
  ];
  await run(path.join(PROGRAMS, "initdb"), initdb, { ...account, cwd: directory, env: { LC_ALL: "C" } });
  const { port, postmaster } = await startOnFreePort({
    program: path.join(PROGRAMS, "postgres"),
    directory,
    settings: { fsync: "off", full_page_writes: "off", max_connections: "100", timezone: "UTC", ...settings },
    account,
    log,
  });
  const stop = async (): Promise<void> => {
    await postmaster.stop();
    await rm(parent, { recursive: true, force: true });
  };
  return { url: `postgres://${ROLE}@127.0.0.1:${port}/postgres`, stop, [Symbol.asyncDispose]: stop };
}
