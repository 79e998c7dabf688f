// Backups that several worker processes share, and what becomes of them when one of these dies.
import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { expect, it } from "vitest";
import { backup } from "../../src/engine/backup.ts";
import { storeSink, storeSource } from "../../src/engine/artifact-io.ts";
import { verifyContents } from "../../src/engine/verify.ts";
import type { Manifest } from "../../src/core/artifact.ts";
import { findArtifact } from "../../src/ledger/artifacts.ts";
import { createRun, findRun, requestCancel } from "../../src/ledger/runs.ts";
import { fsStore } from "../../src/store/fs.ts";
import { memoryStore } from "../../src/store/memory.ts";
import { backupRun } from "../ledger/runs-fixture.ts";
import { PATIENCE_MS } from "./process-fixture.ts";
import { createSharedSite, type SharedSite } from "./sharing-site.ts";
import { sharedCatalog } from "./sharing-tables.ts";

const never = new AbortController().signal;

/** @returns the run's id */
async function submitBackup({ ledger, queue }: SharedSite): Promise<string> {
  const { run } = await createRun(ledger, backupRun({ entities: ["EVENTS"] }));
  await queue.enqueue(run.kind, run.id);
  return run.id;
}

/** What the tables come to, however they were cut and by whomever. */
function contentsOf({ tables }: Manifest) {
  return tables.map(({ name, rows, rawBytes, rowsHash }) => ({ name, rows, rawBytes, rowsHash }));
}

/** Sound to the last row, the same as one that nobody has helped with, and all that there is in the store. */
async function expectWhole(site: SharedSite, runId: string): Promise<void> {
  const artifact = await findArtifact(site.ledger, runId);
  const id = artifact?.id ?? "";
  const store = fsStore({ directory: site.directory });
  const { manifest, objects } = await verifyContents(storeSource(store, id), {}, never);
  const alone = memoryStore();
  const url = () => site.place.databaseUrl;
  const order = { artifactId: randomUUID(), createdAt: new Date(), encryption: { kind: "NONE" } as const };
  const control = { signal: never, onProgress: () => undefined };
  const entities = [...sharedCatalog.entities.values()].filter(({ name }) => name === "EVENTS");
  const { manifest: expected } = await backup(
    { databaseUrl: url, sink: storeSink(alone, order.artifactId) },
    { ...order, entities },
    control,
  );
  expect(contentsOf(manifest)).toEqual(contentsOf(expected));
  expect(artifact).toMatchObject({
    rows: 4_010,
    rawBytes: contentsOf(expected).reduce((sum, t) => sum + t.rawBytes, 0),
  });
  expect(await site.stored()).toHaveLength(objects + 1);
}

it(
  "shares a backup among three processes, and it comes out as if one had made it",
  { timeout: 2 * PATIENCE_MS },
  async () => {
    const site = await createSharedSite();
    const workers = await Promise.all([1, 2, 3].map(() => site.startWorker()));
    await site.hold();
    const id = await submitBackup(site);
    await site.untilTaken(id, 2);
    await site.release();
    expect((await site.follow(id)).at(-1)).toMatchObject({ status: "SUCCEEDED", attempt: 1 });

    const done = await site.pieces(id, "DONE");
    expect(Object.keys(done)).toHaveLength(2);
    const names = workers.map(({ child }) => `${hostname()}/${child.pid}`);
    expect(Object.keys(done).filter((name) => !names.includes(name))).toEqual([]);
    expect(await site.pieces(id, "OPEN")).toEqual({});
    await expectWhole(site, id);
  },
);

it(
  "loses with a worker that is killed its piece, and not the backup",
  { timeout: 2 * PATIENCE_MS },
  async () => {
    const site = await createSharedSite();
    const first = await site.startWorker();
    await site.hold();
    const id = await submitBackup(site);
    await first.logged("run taken up", id);
    const helping = await site.startWorker();
    await site.untilTaken(id);
    helping.child.kill("SIGKILL");
    await helping.exited;
    await site.release();
    expect((await site.follow(id)).at(-1)).toMatchObject({
      status: "SUCCEEDED",
      attempt: 1,
      failedAttempts: 0,
    });
    expect(await site.pieces(id, "RETURNED")).toEqual({ [`${hostname()}/${helping.child.pid}`]: 1 });
    await first.logged("a piece has come back", id);
    await expectWhole(site, id);
  },
);

it(
  "starts a backup again from a new snapshot when its coordinator is killed, and says so",
  { timeout: 2 * PATIENCE_MS },
  async () => {
    const site = await createSharedSite();
    const first = await site.startWorker();
    await site.hold();
    const id = await submitBackup(site);
    await first.logged("run taken up", id);
    const second = await site.startWorker();
    await site.untilTaken(id);
    // The first snapshot is held by now, and the second is not taken yet.
    await site.ledger.sql`insert into public.events select n, 1, 'late' from generate_series(5001, 5010) n`;
    await site.ledger.sql`delete from public.events where id <= 10`;
    first.child.kill("SIGKILL");
    await second.logged("the piece is given back", id);
    await site.release();
    expect((await site.follow(id)).at(-1)).toMatchObject({ status: "SUCCEEDED", attempt: 2 });
    await second.logged("the backup starts again, from a new snapshot", id);
    await expectWhole(site, id);
  },
);

it("stops everywhere when it is cancelled, and leaves nothing", { timeout: 2 * PATIENCE_MS }, async () => {
  const site = await createSharedSite();
  const first = await site.startWorker();
  await site.hold();
  const id = await submitBackup(site);
  await first.logged("run taken up", id);
  const second = await site.startWorker();
  await site.untilTaken(id);
  await requestCancel(site.ledger, id);
  expect((await site.follow(id)).at(-1)).toMatchObject({ status: "CANCELLED" });
  await second.logged("the piece is given back", id);
  await expect.poll(() => site.stored(), { timeout: PATIENCE_MS }).toEqual([]);
  expect(await findRun(site.ledger, id)).toMatchObject({ status: "CANCELLED", attempt: 1 });
  expect(await site.pieces(id, "TAKEN")).toEqual({});
});
