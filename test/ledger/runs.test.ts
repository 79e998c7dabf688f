import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openLedger, type Ledger } from "../../src/ledger/connect.ts";
import { createRun, findRun, findRuns, listRuns, requestCancel } from "../../src/ledger/runs.ts";
import { finishRun } from "../../src/ledger/attempts.ts";
import { createDatabase, type TestDatabase } from "../support/postgres.ts";
import { backupRun, claimedRun, queuedRun, restoreRun, testLedger } from "./runs-fixture.ts";

let database: TestDatabase;
let ledger: Ledger;
beforeAll(async () => {
  database = await createDatabase({ migrated: true });
  ledger = openLedger(database.url);
});
afterAll(async () => {
  await ledger.close();
  await database.drop();
});

describe("creating and finding", () => {
  it("writes a run as it was asked for, queued and at nothing", async () => {
    const wanted = backupRun({ label: "nightly", entities: ["USERS", "ROLES"], sealedSecret: "v1.sealed" });
    const { run, created } = await createRun(ledger, wanted);
    expect(created).toBe(true);
    expect(run).toMatchObject({
      id: wanted.id,
      kind: "BACKUP",
      status: "QUEUED",
      entities: ["USERS", "ROLES"],
      request: { label: "nightly", stores: ["local"] },
      progress: { phase: "queued", percent: 0 },
      attempt: 0,
      startedAt: null,
      finishedAt: null,
    });
    expect(await findRun(ledger, wanted.id)).toEqual(run);
  });

  it("shows nobody the sealed secret", async () => {
    const run = await queuedRun(ledger, { sealedSecret: "v1.sealed" });
    expect(JSON.stringify([run, await findRun(ledger, run.id)])).not.toContain("sealed");
  });

  it("finds nothing by an id that no run has, or that is no id at all", async () => {
    const run = await queuedRun(ledger);
    expect(await findRun(ledger, randomUUID())).toBeUndefined();
    expect(await findRun(ledger, "'; drop table runs")).toBeUndefined();
    expect(await findRuns(ledger, [run.id, "nonsense", randomUUID()])).toEqual([run]);
  });
});

describe("an idempotency key", () => {
  it("starts one run, though ten clients use it at the same moment", async () => {
    const key = randomUUID();
    const ledgers = Array.from({ length: 10 }, () => testLedger(database.url));
    const answers = await Promise.all(
      ledgers.map((own) => createRun(own, backupRun({ idempotencyKey: key }))),
    );
    expect(new Set(answers.map(({ run }) => run.id)).size).toBe(1);
    expect(answers.filter(({ created }) => created)).toHaveLength(1);
  });

  it("answers with the first run whatever else is asked for", async () => {
    const key = randomUUID();
    const first = await createRun(ledger, backupRun({ idempotencyKey: key, label: "first" }));
    const second = await createRun(ledger, backupRun({ idempotencyKey: key, label: "second" }));
    expect(second).toEqual({ run: first.run, created: false });
  });

  it("belongs to one caller and one kind of run", async () => {
    const idempotencyKey = randomUUID();
    const created = await Promise.all([
      createRun(ledger, backupRun({ idempotencyKey })),
      createRun(ledger, backupRun({ idempotencyKey, requestedById: "2" })),
      createRun(ledger, { ...restoreRun(randomUUID()), idempotencyKey }),
    ]);
    expect(created.map((answer) => answer.created)).toEqual([true, true, true]);
  });

  it("may be used again after a day, and then answers with the later run", async () => {
    const idempotencyKey = randomUUID();
    const { run } = await createRun(ledger, backupRun({ idempotencyKey }));
    await ledger.sql`update holdfast.runs set created_at = now() - interval '23 hours 59 minutes' where id = ${run.id}`;
    expect(await createRun(ledger, backupRun({ idempotencyKey }))).toMatchObject({ created: false });
    await ledger.sql`update holdfast.runs set created_at = now() - interval '24 hours 1 minute' where id = ${run.id}`;
    const later = await createRun(ledger, backupRun({ idempotencyKey }));
    expect(later.created).toBe(true);
    expect(later.run.id).not.toBe(run.id);
    expect(await createRun(ledger, backupRun({ idempotencyKey }))).toEqual({
      run: later.run,
      created: false,
    });
  });

  it("means nothing without a caller to whom it belongs", async () => {
    const change = { idempotencyKey: randomUUID(), requestedById: null };
    const answers = [await createRun(ledger, backupRun(change)), await createRun(ledger, backupRun(change))];
    expect(answers.map(({ created }) => created)).toEqual([true, true]);
  });
});

describe("listing", () => {
  const all = ["USERS", "ROLES", "STREAMS"];

  it("shows the newest first, page by page, each run once, also those of the same millisecond", async () => {
    const entity = "PAGED";
    const made = await Promise.all(
      Array.from({ length: 25 }, () => queuedRun(ledger, { entities: [entity] })),
    );
    await ledger.sql`update holdfast.runs set created_at = '2026-01-01T00:00:00.123Z' where entities = '{PAGED}'`;
    const seen: string[] = [];
    let after: { createdAt: Date; id: string } | undefined;
    for (;;) {
      const page = await listRuns(ledger, { kind: "BACKUP", readable: [entity], first: 10, after });
      expect(page.totalCount).toBe(25);
      seen.push(...page.runs.map(({ id }) => id));
      after = page.runs.at(-1);
      if (!page.hasNextPage) break;
    }
    expect(seen).toEqual(
      made
        .map(({ id }) => id)
        .toSorted()
        .toReversed(),
    );
  });

  it("neither shows nor counts a run that holds an entity which the caller may not read", async () => {
    const mixed = await queuedRun(ledger, { entities: ["USERS", "STREAMS"], label: "visible?" });
    const own = await queuedRun(ledger, { entities: ["USERS"], label: "visible?" });
    const ids = async (readable: string[]) => {
      const { runs, totalCount } = await listRuns(ledger, { readable, label: "visible?", first: 10 });
      expect(totalCount).toBe(runs.length);
      return runs.map(({ id }) => id).toSorted();
    };
    expect(await ids(all)).toEqual([mixed.id, own.id].toSorted());
    expect(await ids(["USERS"])).toEqual([own.id]);
    expect(await ids(["STREAMS"])).toEqual([]);
    expect(await ids([])).toEqual([]);
  });

  it("filters by kind, status, entity and label", async () => {
    const label = randomUUID();
    const queued = await queuedRun(ledger, { label, entities: ["USERS", "ROLES"] });
    const failed = await claimedRun(ledger, { label, entities: ["STREAMS"] });
    await finishRun(ledger, failed.lease, {
      status: "FAILED",
      failure: { code: "INTERNAL", message: "m", hint: "h" },
    });
    const ids = async (filter: object) =>
      (await listRuns(ledger, { readable: all, first: 10, label, ...filter })).runs.map(({ id }) => id);
    expect(await ids({})).toEqual([failed.run.id, queued.id]);
    expect(await ids({ status: "FAILED" })).toEqual([failed.run.id]);
    expect(await ids({ entity: "ROLES" })).toEqual([queued.id]);
    expect(await ids({ kind: "RESTORE" })).toEqual([]);
    expect(await ids({ label: "another" })).toEqual([]);
  });
});

describe("cancelling", () => {
  it("ends a run that waits at once, and forgets its secret", async () => {
    const { id } = await queuedRun(ledger, { sealedSecret: "v1.sealed" });
    expect(await requestCancel(ledger, id)).toMatchObject({ status: "CANCELLED" });
    const [row] = await ledger.sql`select sealed_secret, finished_at from holdfast.runs where id = ${id}`;
    expect(row?.["sealed_secret"]).toBeNull();
    expect(row?.["finished_at"]).not.toBeNull();
  });

  it("marks a run that runs, once, and leaves its ending to its worker", async () => {
    const { run } = await claimedRun(ledger);
    const first = await requestCancel(ledger, run.id);
    expect(first).toMatchObject({ status: "RUNNING", finishedAt: null });
    expect(first.cancelRequestedAt).not.toBeNull();
    const second = await requestCancel(ledger, run.id);
    expect(second.cancelRequestedAt).toEqual(first.cancelRequestedAt);
  });

  it("is refused for a run that has ended, and for one that there is not", async () => {
    const { run, lease } = await claimedRun(ledger);
    await finishRun(ledger, lease, { status: "SUCCEEDED" });
    await expect(requestCancel(ledger, run.id)).rejects.toMatchObject({ code: "ALREADY_FINISHED" });
    await expect(requestCancel(ledger, randomUUID())).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(requestCancel(ledger, "nonsense")).rejects.toMatchObject({ code: "NOT_FOUND" });
  });
});
