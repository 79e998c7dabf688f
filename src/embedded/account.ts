// The system account that PostgreSQL runs under: PostgreSQL refuses to run as root.
import { execFile } from "node:child_process";
import { stat } from "node:fs/promises";
import { promisify } from "node:util";
import { HoldfastError } from "../core/errors.ts";

const run = promisify(execFile);
const NAME = "postgres";

export interface SystemAccount {
  readonly uid: number;
  readonly gid: number;
}

/**
 * The account to run PostgreSQL as; undefined means this process's own.
 * As root it is the one that the directory already belongs to (Holdfast may have been started without root before), or
 * else the system's `postgres`, which is created where there is none.
 * @throws HoldfastError EMBEDDED_FAILED when root cannot create it.
 */
export async function postgresAccount(
  directory: string,
  log: (line: string) => void,
): Promise<SystemAccount | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const owner = await stat(directory).catch(() => undefined);
  if (owner !== undefined && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  const existing = await findAccount();
  if (existing !== undefined) return existing;
  log(`creating the system account ${NAME}, for PostgreSQL does not run as root`);
  try {
    await run("useradd", [
      "--system",
      "--user-group",
      "--no-create-home",
      "--shell",
      "/usr/sbin/nologin",
      NAME,
    ]);
  } catch (cause) {
    // Another process that starts at the same time may have created it.
    const created = await findAccount();
    if (created !== undefined) return created;
    throw new HoldfastError("EMBEDDED_FAILED", `Could not create the system account ${NAME}.`, {
      hint: `Run as another user than root, or create the account: useradd --system ${NAME}`,
      cause,
    });
  }
  return findAccount();
}

async function findAccount(): Promise<SystemAccount | undefined> {
  try {
    const [uid, gid] = await Promise.all([run("id", ["-u", NAME]), run("id", ["-g", NAME])]);
    return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
  } catch {
    return undefined;
  }
}

/**
 * How a program names the directory that it is started in. Under another account the plain path may lead through
 * directories which that account cannot enter (the data directory itself is closed to all but its owner), while the
 * working directory is inherited and always open: so on Linux it is named as such.
 */
export function ownDirectory(directory: string, account: SystemAccount | undefined): string {
  return account !== undefined && process.platform === "linux" ? "/proc/self/cwd" : directory;
}
