// The file store: the conformance suite, and what only files can do wrong.
import { chmod, mkdir, mkdtemp, readdir, rm, stat, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { fsStore } from "../../src/store/fs.ts";
import type { Store } from "../../src/store/store.ts";
import { storeConformance } from "./conformance.ts";

storeConformance("fs", async () => {
  const directory = await mkdtemp(path.join(tmpdir(), "holdfast-store-"));
  return {
    store: fsStore({ directory: path.join(directory, "made/at/first/put") }),
    dispose: () => rm(directory, { recursive: true }),
  };
});

describe("files of an fs store", () => {
  let directory: string;
  let store: Store;
  beforeEach(async () => {
    directory = await mkdtemp(path.join(tmpdir(), "holdfast-store-"));
    store = fsStore({ directory });
  });
  afterEach(() => rm(directory, { recursive: true }));

  const keys = async () => {
    const found: string[] = [];
    for await (const { key } of store.list("")) found.push(key);
    return found;
  };
  const mode = async (name: string) => ((await stat(path.join(directory, name))).mode & 0o777).toString(8);
  const files = async () => {
    const entries = await readdir(directory, { recursive: true, withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map((entry) => entry.name);
  };

  it("are readable by their owner alone, and their directories too", async () => {
    await store.put("a/b/c", Buffer.from("x"));
    expect(await Promise.all([mode("a/b/c"), mode("a/b"), mode("a")])).toEqual(["600", "700", "700"]);
    expect(await mode(".incoming")).toBe("700");
  });

  it("are not looked for where a file system keeps what it has found, which few may read", async () => {
    await mkdir(path.join(directory, "lost+found"), { mode: 0o700 });
    await writeFile(path.join(directory, "lost+found/#123"), "");
    await store.put("a/lost+found/b", Buffer.from("x"));
    expect(await keys()).toEqual(["a/lost+found/b"]);
    await expect(store.put("lost+found/b", Buffer.from("x"))).rejects.toMatchObject({ code: "BAD_INPUT" });
  });

  it("are under their keys' names while nothing is under a name before it is whole", async () => {
    const midway: string[][] = [];
    const body = async function* () {
      yield Buffer.alloc(100_000);
      midway.push(await keys());
      yield Buffer.alloc(100_000);
    };
    await store.put("a/b", body());
    expect(midway).toEqual([[]]);
    expect(await files()).toEqual(["b"]);
  });

  it("leave no temporary file behind a put that fails", async () => {
    const failing = async function* () {
      yield Buffer.alloc(100_000);
      throw new Error("gone");
    };
    await expect(store.put("a/b", failing())).rejects.toThrow("gone");
    await expect(store.put("a/b", Buffer.alloc(5), { sizeBytes: 4 })).rejects.toThrow("announced");
    expect(await files()).toEqual([]);
  });

  it("of a process that died are not listed, and are swept when they are a day old", async () => {
    const incoming = path.join(directory, ".incoming");
    await mkdir(incoming);
    const [stale, recent] = [path.join(incoming, "stale"), path.join(incoming, "recent")];
    await writeFile(stale, "half");
    await writeFile(recent, "half");
    const twoDaysAgo = new Date(Date.now() - 48 * 60 * 60 * 1000);
    await utimes(stale, twoDaysAgo, twoDaysAgo);
    expect(await keys()).toEqual([]);
    await store.put("a", Buffer.from("x"));
    expect(await keys()).toEqual(["a"]);
    expect(await readdir(incoming)).toEqual(["recent"]);
  });

  it("that were begun under a key's first segment go when that is tidied, and the put that still wrote one fails", async () => {
    const begun = Promise.withResolvers<void>();
    const goOn = Promise.withResolvers<void>();
    const slow = async function* () {
      yield Buffer.from("half");
      begun.resolve();
      await goOn.promise;
      yield Buffer.from("half");
    };
    await store.put("a/whole", Buffer.from("x"));
    const [put, beside] = [store.put("a/slow", slow()), store.put("ab/slow", slow())];
    await begun.promise;
    await fsStore({ directory }).deleteUnfinished("a");
    goOn.resolve();
    await expect(put).rejects.toMatchObject({ code: "STORE_FAILED" });
    await beside;
    expect(await keys()).toEqual(["a/whole", "ab/slow"]);
    expect(await readdir(path.join(directory, ".incoming"))).toEqual([]);
    await expect(store.deleteUnfinished("../a")).rejects.toMatchObject({ code: "BAD_INPUT" });
  });

  it("take their empty directories with them when they are deleted, but not the store's own", async () => {
    await store.put("a/b/c", Buffer.from("x"));
    await store.put("a/d", Buffer.from("x"));
    await store.delete("a/b/c");
    expect(await readdir(path.join(directory, "a"))).toEqual(["d"]);
    await store.delete("a/d");
    expect(await readdir(directory)).toEqual([".incoming"]);
  });

  it("are not what a link points to", async () => {
    await writeFile(path.join(directory, "secret"), "secret");
    await symlink(path.join(directory, "secret"), path.join(directory, "link"));
    await expect(store.get("link")[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      code: "NOT_FOUND",
    });
    expect(await store.stat("link")).toBeUndefined();
    expect(await keys()).toEqual(["secret"]);
  });

  it("cannot be put where a file is in the way, which is the store's failure", async () => {
    await store.put("a", Buffer.from("x"));
    await expect(store.put("a/b", Buffer.from("x"))).rejects.toMatchObject({
      code: "STORE_FAILED",
      retryable: true,
    });
    await store.put("c/d", Buffer.from("x"));
    await expect(store.put("c", Buffer.from("x"))).rejects.toMatchObject({ code: "STORE_FAILED" });
    expect(await keys()).toEqual(["a", "c/d"]);
    expect(await files()).toHaveLength(2);
  });

  // root may write everywhere
  it.skipIf(process.getuid?.() === 0)(
    "cannot be written without permission, which is the store's failure",
    async () => {
      await chmod(directory, 0o500);
      await expect(store.put("a", Buffer.from("x"))).rejects.toMatchObject({ code: "STORE_FAILED" });
      await chmod(directory, 0o700);
    },
  );
});
