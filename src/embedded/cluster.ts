// The directory of an embedded PostgreSQL: made once, whole or not at all, with the superuser's password inside.
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chown, mkdtemp, open, readdir, readFile, rename, rm } from "node:fs/promises";
import path from "node:path";
import { text } from "node:stream/consumers";
import { HoldfastError } from "../core/errors.ts";
import { ownDirectory, type SystemAccount } from "./account.ts";
import type { Binaries } from "./binaries.ts";

export const SUPERUSER = "holdfast";
const PASSWORD_FILE = "holdfast.password";
const DRAFT_PREFIX = "postgres.new-";

/**
 * Opens the cluster in the directory, making it first where there is none. The caller holds the lock.
 * @returns the superuser's password
 * @throws HoldfastError EMBEDDED_FAILED with initdb's own words, or when the password has been lost.
 */
export async function ensureCluster(
  directory: string,
  binaries: Binaries,
  account: SystemAccount | undefined,
): Promise<string> {
  const password = await readPassword(directory);
  if (password !== undefined) return password;

  const dataDir = path.dirname(directory);
  // Made beside its place and then renamed, so that a start which is killed midway leaves nothing that looks whole.
  await removeDrafts(dataDir);
  const draft = await mkdtemp(path.join(dataDir, DRAFT_PREFIX));
  if (account !== undefined) await chown(draft, account.uid, account.gid);
  const made = randomBytes(24).toString("base64url");
  await initialise(draft, made, binaries, account);
  await writePassword(path.join(draft, PASSWORD_FILE), made, account);
  await rename(draft, directory);
  return made;
}

/** What earlier starts left that were killed midway; an initdb may still be writing to one, which then stays for the next. */
async function removeDrafts(dataDir: string): Promise<void> {
  for (const name of await readdir(dataDir))
    if (name.startsWith(DRAFT_PREFIX))
      await rm(path.join(dataDir, name), { recursive: true, force: true }).catch(() => undefined);
}

async function readPassword(directory: string): Promise<string | undefined> {
  const file = path.join(directory, PASSWORD_FILE);
  try {
    return (await readFile(file, "utf8")).trim();
  } catch (cause) {
    if (!isMissing(cause))
      throw new HoldfastError("EMBEDDED_FAILED", `Cannot read ${file}.`, {
        hint: "Start Holdfast as the user that the data directory belongs to, or as root.",
        cause,
      });
    const exists = await readFile(path.join(directory, "PG_VERSION")).then(
      () => true,
      () => false,
    );
    if (!exists) return undefined;
    throw new HoldfastError("EMBEDDED_FAILED", `${file} is missing, and with it the database's password.`, {
      hint: "Put the file back, or move the directory away to start with an empty database.",
      cause,
    });
  }
}

async function initialise(
  directory: string,
  password: string,
  { initdb }: Binaries,
  account: SystemAccount | undefined,
): Promise<void> {
  const passwordFile = `${directory}.password`;
  await writePassword(passwordFile, password, account);
  const handle = await open(passwordFile);
  try {
    const child = spawn(
      initdb,
      [
        `--pgdata=${ownDirectory(directory, account)}`,
        `--pwfile=${account === undefined ? passwordFile : "/dev/fd/3"}`,
        `--username=${SUPERUSER}`,
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        // The builtin provider sorts the same on every machine and after every upgrade of its C library.
        "--locale=C",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        "--no-instructions",
      ],
      {
        ...account,
        cwd: directory,
        // Nothing of the caller's environment (PGDATA, LANG, TZ) has a say in how the cluster is made.
        env: { LC_ALL: "C", TZ: "UTC" },
        stdio: ["ignore", "ignore", "pipe", handle.fd],
        // Ctrl-C in a terminal is for Holdfast, which then finishes or abandons this itself.
        detached: true,
      },
    );
    const ended = new Promise<number | null>((resolve, reject) => {
      child.once("error", reject).once("exit", resolve);
    });
    const [code, words] = await Promise.all([ended, child.stderr === null ? "" : text(child.stderr)]);
    if (code !== 0) throw new HoldfastError("EMBEDDED_FAILED", `initdb failed:\n${words.trim()}`);
  } finally {
    await handle.close();
    await rm(passwordFile, { force: true });
  }
}

async function writePassword(
  file: string,
  password: string,
  account: SystemAccount | undefined,
): Promise<void> {
  await rm(file, { force: true });
  const handle = await open(file, "wx", 0o600);
  try {
    await handle.writeFile(`${password}\n`);
    if (account !== undefined) await handle.chown(account.uid, account.gid);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}
