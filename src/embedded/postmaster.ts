// The PostgreSQL process itself: starting it, stopping it, and finding one that a killed Holdfast left behind.
import { spawn } from "node:child_process";
import { readFile, rm, stat } from "node:fs/promises";
import path from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { HoldfastError } from "../core/errors.ts";
import { ownDirectory, type SystemAccount } from "./account.ts";

/**
 * Runs PostgreSQL and asks it for a fast shutdown as soon as descriptor 3, whose other end Holdfast holds, is closed:
 * on stop(), and also when Holdfast has been killed and could ask for nothing itself.
 */
const KEEPER = `
"$@" 3<&- & postgres=$!
{ read -r line; kill -INT $postgres; } <&3 & keeper=$!
wait $postgres; code=$?
kill $keeper 2>/dev/null
exit $code`;

/** Long enough for the checkpoint of a fast shutdown on a slow disk. */
const ORPHAN_TIMEOUT_MS = 60_000;
const KEPT_LINES = 20;

export interface StartOptions {
  readonly program: string;
  readonly directory: string;
  readonly port: number;
  readonly settings: Readonly<Record<string, string>>;
  readonly account: SystemAccount | undefined;
  readonly log: (line: string) => void;
}

export interface Postmaster {
  /** Resolves once the process has ended, asked for or not. */
  readonly ended: Promise<void>;
  /** A fast shutdown: sessions are ended, what was committed is on disk. Resolves once the process has ended. */
  stop(): Promise<void>;
}

/** What PostgreSQL said as it failed to start. */
export class StartFailure extends Error {}

/**
 * Starts PostgreSQL on the loopback address and resolves once it accepts connections.
 * @throws StartFailure when it ends before that.
 */
export async function startPostmaster(options: StartOptions): Promise<Postmaster> {
  const settings = Object.entries({
    listen_addresses: "127.0.0.1",
    port: String(options.port),
    unix_socket_directories: "",
    ...options.settings,
  }).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const command = [options.program, "-D", ownDirectory(options.directory, options.account), ...settings];
  const child = spawn("/bin/sh", ["-c", KEEPER, "postgres-keeper", ...command], {
    ...options.account,
    cwd: options.directory,
    env: { LC_ALL: "C", TZ: "UTC" },
    stdio: ["ignore", "ignore", "pipe", "pipe"],
    // Its own process group: Ctrl-C in a terminal must not take the database away before Holdfast has finished.
    detached: true,
  });
  const lifeline = child.stdio[3];
  const ended = new Promise<void>((resolve, reject) => {
    child.once("error", reject).once("exit", () => resolve());
  });
  const lines: string[] = [];
  const ready = new Promise<void>((resolve) => {
    if (child.stderr === null) return;
    createInterface({ input: child.stderr }).on("line", (line) => {
      options.log(line);
      lines.push(line);
      if (lines.length > KEPT_LINES) lines.shift();
      if (line.includes("database system is ready to accept connections")) resolve();
    });
  });
  const isReady = await Promise.race([ready.then(() => true), ended.then(() => false)]);
  lifeline?.on("error", () => undefined);
  if (!isReady) throw new StartFailure(lines.join("\n"));
  return {
    ended,
    stop: async () => {
      lifeline?.destroy();
      await ended;
    },
  };
}

/**
 * Stops a PostgreSQL that still runs on the directory. The caller holds the lock, so whoever started it is dead.
 * @throws HoldfastError EMBEDDED_FAILED when it does not stop in a minute.
 */
export async function stopOrphan(directory: string, log: (line: string) => void): Promise<void> {
  const pid = await findOrphan(directory);
  if (pid === undefined) {
    await removeMisleadingLock(directory);
    return;
  }
  log(`stopping PostgreSQL (process ${pid}), which outlived the Holdfast that started it`);
  signal(pid, "SIGINT");
  const deadline = Date.now() + ORPHAN_TIMEOUT_MS;
  while ((await findOrphan(directory)) === pid) {
    if (Date.now() > deadline)
      throw new HoldfastError(
        "EMBEDDED_FAILED",
        `PostgreSQL (process ${pid}) on ${directory} does not stop.`,
      );
    await sleep(20);
  }
}

/** PostgreSQL refuses to start while the process that its lock file names lives, whatever that process is by now. */
async function removeMisleadingLock(directory: string): Promise<void> {
  const pid = await readLockedPid(directory);
  if (pid !== undefined && signal(pid, 0)) await rm(lockFile(directory), { force: true });
}

/** The live PostgreSQL that `postmaster.pid` names, if it is one: after a crash another process may have its number. */
async function findOrphan(directory: string): Promise<number | undefined> {
  const pid = await readLockedPid(directory);
  if (pid === undefined || !signal(pid, 0)) return undefined;
  if (process.platform !== "linux") return pid;
  // PostgreSQL works inside its directory for as long as it lives.
  const [own, theirs] = await Promise.all([stat(directory), stat(`/proc/${pid}/cwd`).catch(() => undefined)]);
  return theirs?.dev === own.dev && theirs.ino === own.ino ? pid : undefined;
}

const lockFile = (directory: string) => path.join(directory, "postmaster.pid");

async function readLockedPid(directory: string): Promise<number | undefined> {
  const pid = Number.parseInt(await readFile(lockFile(directory), "utf8").catch(() => ""), 10);
  return pid > 1 ? pid : undefined;
}

function signal(pid: number, name: "SIGINT" | 0): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
}
