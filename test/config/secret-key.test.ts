import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, it } from "vitest";
import { ensureSecretKey } from "../../src/config/secret-key.ts";

let parent: string;
let dataDir: string;

beforeEach(async () => {
  parent = await mkdtemp(path.join(tmpdir(), "holdfast-key-"));
  dataDir = path.join(parent, "new");
});
afterEach(async () => {
  await rm(parent, { recursive: true, force: true });
});

it("is made of 32 random bytes, kept for its owner alone, and the same from then on", async () => {
  const key = await ensureSecretKey(dataDir);
  expect(Buffer.from(key, "base64url")).toHaveLength(32);
  expect((await stat(path.join(dataDir, "secret.key"))).mode & 0o777).toBe(0o600);
  expect((await stat(dataDir)).mode & 0o777).toBe(0o700);
  expect(await ensureSecretKey(dataDir)).toBe(key);
});

it("differs between data directories", async () => {
  expect(await ensureSecretKey(dataDir)).not.toBe(await ensureSecretKey(parent));
});

it("is one key for processes that start at once, with nothing left beside it", async () => {
  const script = path.join(import.meta.dirname, "make-key-process.ts");
  const processes = Array.from({ length: 6 }, () => promisify(execFile)(process.execPath, [script, dataDir]));
  const within = Array.from({ length: 20 }, () => ensureSecretKey(dataDir));
  const keys = [
    ...(await Promise.all(processes)).map(({ stdout }) => stdout),
    ...(await Promise.all(within)),
  ];
  expect(new Set(keys).size).toBe(1);
  expect(await readdir(dataDir)).toEqual(["secret.key"]);
});

it("is never overwritten: a file that holds something else is an error", async () => {
  await ensureSecretKey(dataDir);
  const file = path.join(dataDir, "secret.key");
  await writeFile(file, "");
  await expect(ensureSecretKey(dataDir)).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  expect(await readFile(file, "utf8")).toBe("");
});
