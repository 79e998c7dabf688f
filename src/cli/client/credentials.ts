// The tokens that `holdfast login` keeps, one for each server, in a file that its user alone can read.
import { randomUUID } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import path from "node:path";
import { z } from "zod";
import { HoldfastError } from "../../core/errors.ts";

const login = z.object({ token: z.string(), username: z.string(), expiresAt: z.string() });
/** `expiresAt` as the server wrote it, RFC 3339. */
export type Login = z.infer<typeof login>;

const credentials = z.object({ servers: z.record(z.string(), login) });

/** @param configHome the value of XDG_CONFIG_HOME; anything but an absolute path counts as not set, as XDG has it */
export function credentialsFile(configHome: string | undefined): string {
  const home =
    configHome !== undefined && path.isAbsolute(configHome) ? configHome : path.join(homedir(), ".config");
  return path.join(home, "holdfast", "credentials.json");
}

/** By server; none where there is no file. @throws HoldfastError CONFIG_INVALID for a file that holds something else */
export async function readLogins(file: string): Promise<ReadonlyMap<string, Login>> {
  try {
    return new Map(Object.entries(credentials.parse(JSON.parse(await readFile(file, "utf8"))).servers));
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return new Map();
    throw new HoldfastError("CONFIG_INVALID", `${file} does not hold what holdfast login writes.`, {
      hint: "Delete it, and sign in again: holdfast login --server URL.",
      cause,
    });
  }
}

export async function keepLogin(file: string, server: string, kept: Login): Promise<void> {
  await writeLogins(file, new Map([...(await readLogins(file)), [server, kept]]));
}

export async function forgetLogin(file: string, server: string): Promise<void> {
  await writeLogins(file, new Map([...(await readLogins(file))].filter(([name]) => name !== server)));
}

/** Written beside and renamed: a command that reads it meanwhile finds the old ones or the new ones. */
async function writeLogins(file: string, logins: ReadonlyMap<string, Login>): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  const partial = `${file}.${randomUUID()}`;
  try {
    const text = `${JSON.stringify({ servers: Object.fromEntries(logins) }, null, 2)}\n`;
    await writeFile(partial, text, { mode: 0o600 });
    await rename(partial, file);
  } finally {
    await rm(partial, { force: true });
  }
}
