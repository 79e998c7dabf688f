// What the bench needs of Debian: PostgreSQL 15 with its tools, age and zstd. It installs what is missing.
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { arch, cpus, release, totalmem, type } from "node:os";
import { promisify } from "node:util";

const run = promisify(execFile);

export const POSTGRES_15 = "/usr/lib/postgresql/15/bin";

const PACKAGES: Readonly<Record<string, string>> = {
  [`${POSTGRES_15}/postgres`]: "postgresql-15",
  [`${POSTGRES_15}/pg_dump`]: "postgresql-client-15",
  "/usr/bin/age": "age",
  "/usr/bin/zstd": "zstd",
};

/** @throws where there is no apt-get, or it fails: the message names what is missing */
export const installTools = (): Promise<void> => install(PACKAGES);

/** For what takes several workers. Throws as {@link installTools}. */
export const installRedis = (): Promise<void> => install({ "/usr/bin/redis-server": "redis-server" });

async function install(packages: Readonly<Record<string, string>>): Promise<void> {
  const missing = Object.entries(packages).flatMap(([file, name]) => (existsSync(file) ? [] : [name]));
  if (missing.length === 0) return;
  console.log(`Installing ${missing.join(", ")}.`);
  // A server of Debian's own is neither needed nor wanted.
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" };
  await run("apt-get", ["update", "-qq"], { env });
  await run("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...missing], { env });
}

/** What the figures were measured on. */
export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly system: string;
  readonly node: string;
  readonly postgres: string;
}

export function describeMachine(postgres: string): Machine {
  const processors = cpus();
  return {
    processor: processors[0]?.model ?? "unknown",
    cores: processors.length,
    memoryGiB: Math.round(totalmem() / 1024 ** 3),
    system: `${type()} ${release()} ${arch()}`,
    node: process.version,
    postgres,
  };
}
