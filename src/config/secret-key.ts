// The server's secret key, for those who give none: made on first start and kept in the data directory.
import { randomBytes, randomUUID } from "node:crypto";
import { link, mkdir, open, readFile, rm } from "node:fs/promises";
import path from "node:path";
import { hasCode, HoldfastError } from "../core/errors.ts";

const FILE = "secret.key";
const KEY_BYTES = 32;
/** base64url of that many bytes, without padding. */
const KEY_PATTERN = /^[A-Za-z0-9_-]{43}$/;

/**
 * The key in `<dataDir>/secret.key`, which is made where there is none: 32 random bytes as base64url, readable by the
 * owner alone. Processes that make it at the same time get the same one.
 * @throws HoldfastError CONFIG_INVALID when the file holds something else; it is never overwritten, for what is sealed
 * with a key can be opened by that key alone.
 */
export async function ensureSecretKey(dataDir: string): Promise<string> {
  const file = path.join(dataDir, FILE);
  return (await readKey(file)) ?? (await makeKey(dataDir, file));
}

/** The key in `<dataDir>/secret.key`; undefined: none was made yet. @throws HoldfastError CONFIG_INVALID as {@link ensureSecretKey} */
export function readSecretKey(dataDir: string): Promise<string | undefined> {
  return readKey(path.join(dataDir, FILE));
}

async function readKey(file: string): Promise<string | undefined> {
  let content: string;
  try {
    content = await readFile(file, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
  const key = content.trim();
  if (!KEY_PATTERN.test(key))
    throw new HoldfastError("CONFIG_INVALID", `${file} does not hold a secret key.`, {
      hint: "Put the key back from a copy. Without one, move the file away: sessions and queued passphrases are lost.",
    });
  return key;
}

async function makeKey(dataDir: string, file: string): Promise<string> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const draft = path.join(dataDir, `.${FILE}.${randomUUID()}`);
  const key = randomBytes(KEY_BYTES).toString("base64url");
  try {
    const handle = await open(draft, "wx", 0o600);
    try {
      await handle.writeFile(`${key}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    // Unlike a rename, a link fails where the name is taken: whoever was first has made the key for everybody.
    await link(draft, file);
  } catch (error) {
    const made = hasCode(error, "EEXIST") ? await readKey(file) : undefined;
    if (made === undefined) throw error;
    return made;
  } finally {
    await rm(draft, { force: true });
  }
  await syncDirectory(dataDir);
  return key;
}

/** Makes the file's name as durable as its content. */
async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
