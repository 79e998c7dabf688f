// One artifact, and several who want to write or read it at once: imports, new keys, restores, downloads, deletions.
import { randomUUID } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Caller } from "../../src/auth/caller.ts";
import { generateIdentity } from "../../src/codec/age.ts";
import { entityNamed } from "../../src/core/catalog.ts";
import { platformCatalog } from "../../src/core/platform-catalog.ts";
import { storeSink, storeSource } from "../../src/engine/artifact-io.ts";
import { openArtifact } from "../../src/engine/artifact-reader.ts";
import { backup } from "../../src/engine/backup.ts";
import { openSingleFile } from "../../src/engine/single-file.ts";
import { deleteBackup, pinBackup } from "../../src/runs/delete-backup.ts";
import { startRestore } from "../../src/runs/start-restore.ts";
import { memoryStore } from "../../src/store/memory.ts";
import type { Store } from "../../src/store/store.ts";
import { importBackup } from "../../src/transfer/import-backup.ts";
import { openDownload } from "../../src/transfer/open-download.ts";
import { rekeyBackup } from "../../src/transfer/rekey-backup.ts";
import { scanStores } from "../../src/transfer/scan-stores.ts";
import { ALL, startTestServer, type TestServer } from "../http/server-fixture.ts";

/** A store that can be told to take nothing for a while. */
function pausableStore() {
  const inner = memoryStore();
  let gate: { readonly reached: () => void; readonly released: Promise<void> } | undefined;
  const store: Store = {
    ...inner,
    async put(...object) {
      gate?.reached();
      await gate?.released;
      return inner.put(...object);
    },
  };
  return {
    store,
    /** From now on. `reached` resolves when something is to be put. */
    pause() {
      const reached = Promise.withResolvers<void>();
      const released = Promise.withResolvers<void>();
      gate = { reached: reached.resolve, released: released.promise };
      const release = () => {
        gate = undefined;
        released.resolve();
      };
      return { reached: reached.promise, release };
    },
  };
}

/** Not passphrases, which take a second each to open anything. */
const keys = { old: await generateIdentity(), new: await generateIdentity() };
const unlock = { identity: keys.old.identity };

let server: TestServer;
let caller: Caller;
let folder: string;
let place: ReturnType<typeof pausableStore>;
let id: string;
let file: { readonly path: string; readonly sizeBytes: number };
const signal = new AbortController().signal;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "holdfast-at-once-"));
  server = await startTestServer();
  const { authorization } = await server.accountWith(...ALL);
  caller = await server.deps.auth.authenticate(authorization);
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  place = pausableStore();
  id = randomUUID();
  const elsewhere = memoryStore();
  await backup(
    { databaseUrl: server.deps.databaseUrl, sink: storeSink(elsewhere, id) },
    {
      artifactId: id,
      createdAt: new Date(),
      entities: [entityNamed(platformCatalog, "ROLES")],
      encryption: { kind: "RECIPIENTS", recipients: [keys.old.recipient] },
    },
    { signal, onProgress: () => undefined },
  );
  const single = await openSingleFile(elsewhere, id);
  const chunks = await Array.fromAsync(single.read({ start: 0, end: single.sizeBytes }));
  file = { path: path.join(folder, id), sizeBytes: single.sizeBytes };
  await writeFile(file.path, Buffer.concat(chunks));
});

/** Server and stores, with the store of this test for its default one. */
const deps = () => ({ ...server.deps, artifactStores: new Map([["local", place.store]]) });
const bring = (by = signal) => importBackup(deps(), caller, { file, unlock }, {}, by);
const rekey = (backupId: string) =>
  rekeyBackup(deps(), caller, { id: backupId, unlock, encryption: { recipients: [keys.new.recipient] } }, {});
const opens = async ({ identity }: { readonly identity: string } = keys.old): Promise<number> => {
  const { manifest } = await openArtifact(storeSource(place.store, id), { identity }, signal, { id });
  return manifest.tables.length;
};
const inUse = { code: "BACKUP_IN_USE", retryable: true };

describe("an artifact that two import at once", () => {
  it("is imported by one of them; the other is told to wait, and is then given the same backup", async () => {
    const { reached, release } = place.pause();
    const first = bring();
    await reached;
    await expect(bring()).rejects.toMatchObject({ ...inUse, hint: expect.stringContaining("try again") });
    release();
    const { run } = await first;
    expect((await bring()).run.id).toBe(run.id);
    expect(await opens()).toBeGreaterThan(0);
  });

  it("is whole although another import of it breaks off", async () => {
    const { reached, release } = place.pause();
    const cancelled = new AbortController();
    const first = bring(cancelled.signal);
    await reached;
    await expect(bring()).rejects.toMatchObject(inUse);
    cancelled.abort(new Error("gone"));
    release();
    await expect(first).rejects.toThrow("gone");
    await bring();
    expect(await opens()).toBeGreaterThan(0);
  });

  it("is listed once where somebody looks through the store meanwhile", async () => {
    const { reached, release } = place.pause();
    const first = bring();
    await reached;
    const looking = scanStores(deps(), caller, ["local"], {});
    release();
    const { run } = await first;
    await looking;
    await scanStores(deps(), caller, ["local"], {});
    const listed = await server.world.ledger.sql`select run_id from holdfast.artifacts where id = ${id}`;
    expect(listed).toEqual([{ run_id: run.id }]);
  });
});

describe("a backup that is being given another key", () => {
  it("is neither read nor deleted nor given a third key meanwhile; everybody is told at once, and nobody waits", async () => {
    const { run } = await bring();
    const { reached, release } = place.pause();
    const first = rekey(run.id);
    await reached;
    const restore = { backupId: run.id, mode: "MERGE", dryRun: true, unlock } as const;
    await expect(rekey(run.id)).rejects.toMatchObject(inUse);
    await expect(startRestore(deps(), caller, restore)).rejects.toMatchObject(inUse);
    await expect(openDownload(deps(), caller, run.id, signal)).rejects.toMatchObject(inUse);
    await expect(deleteBackup(deps(), caller, run.id)).rejects.toMatchObject(inUse);
    await expect(pinBackup(deps(), caller, { id: run.id, pinned: true })).rejects.toMatchObject(inUse);
    release();
    await first;
    expect(await opens(keys.new)).toBeGreaterThan(0);
    await expect(opens()).rejects.toMatchObject({ code: "WRONG_IDENTITY" });
    expect(
      (await startRestore(deps(), caller, { ...restore, unlock: { identity: keys.new.identity } })).status,
    ).toBe("QUEUED");
  });

  it("is not given one while it is restored or downloaded", async () => {
    const { run } = await bring();
    const download = await openDownload(deps(), caller, run.id, signal);
    await expect(rekey(run.id)).rejects.toMatchObject(inUse);
    await download[Symbol.asyncDispose]();
    const restore = { backupId: run.id, mode: "MERGE", dryRun: true, unlock } as const;
    const { id: restoreId } = await startRestore(deps(), caller, restore);
    await expect(rekey(run.id)).rejects.toMatchObject({
      ...inUse,
      message: expect.stringContaining(`restore ${restoreId}`),
    });
    expect(await opens()).toBeGreaterThan(0);
  });
});
