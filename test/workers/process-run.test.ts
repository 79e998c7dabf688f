import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { Writable } from "node:stream";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { deriveKey, sealSecret } from "../../src/codec/seal.ts";
import { HoldfastError } from "../../src/core/errors.ts";
import { claimRun } from "../../src/ledger/attempts.ts";
import { openLedger, type Ledger } from "../../src/ledger/connect.ts";
import { noteUnfinished } from "../../src/ledger/remains.ts";
import type { BackupRun, Run } from "../../src/ledger/run-row.ts";
import { createRun, findRun, requestCancel } from "../../src/ledger/runs.ts";
import { processRun, type Work } from "../../workers/process-run.ts";
import { sweepRemains } from "../../workers/remains.ts";
import { backupRun, claimedRun, percent, queuedRun, silence, testWatcher } from "../ledger/runs-fixture.ts";
import { newNamespace, readWholeQueue, testQueue } from "../queue/queue-fixture.ts";
import { createDatabase, type TestDatabase } from "../support/postgres.ts";
import { openPassage } from "../support/passage.ts";

const secretKey = deriveKey("a secret of the tests' own, and long", "run secrets");
const never = new AbortController().signal;

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

/** The carriage around an act, and what it logs. */
async function carry(act: Work<BackupRun>["act"], on: Ledger = ledger) {
  const discarded: string[] = [];
  let logged = "";
  const stream = new Writable({
    write(chunk: Buffer, _, done) {
      logged += chunk.toString();
      done();
    },
  });
  const deps = {
    ledger: on,
    watcher: await testWatcher(on),
    secretKey,
    log: pino({ level: "debug" }, stream),
  };
  const work = {
    act,
    discard: async (_: Run, id: string) => {
      discarded.push(id);
    },
  };
  return { ...processRun(deps, "BACKUP", work), deps, discarded, logged: () => logged };
}

async function untilAborted(signal: AbortSignal): Promise<never> {
  await delay(60_000, undefined, { signal });
  throw new Error("nobody stopped the act");
}

describe("an act that fails", () => {
  it("fails its run with an error of the catalogue", async () => {
    const { handle } = await carry(async () => {
      throw new HoldfastError("TABLE_MISSING", "There is no table platform.users.");
    });
    const { id } = await queuedRun(ledger);
    expect(await handle(id, never)).toBe("done");
    expect(await findRun(ledger, id)).toMatchObject({
      status: "FAILED",
      errorCode: "TABLE_MISSING",
      errorMessage: "There is no table platform.users.",
      errorHint: "Create the table (run the application's migrations), or correct the catalog.",
    });
  });

  it("fails its run as INTERNAL with an id that the log has too, and gives nothing else away", async () => {
    const { handle, logged } = await carry(async () => {
      throw new TypeError("cannot read hunter2");
    });
    const { id } = await queuedRun(ledger);
    await handle(id, never);
    const run = await findRun(ledger, id);
    expect(run).toMatchObject({ status: "FAILED", errorCode: "INTERNAL" });
    expect(JSON.stringify(run)).not.toContain("hunter2");
    const errorId = /error ([0-9a-f-]{36})/.exec(run?.errorMessage ?? "")?.[1];
    expect(errorId).toBeDefined();
    const line = logged()
      .split("\n")
      .find((entry) => entry.includes(`"errorId":"${errorId}"`));
    expect(line).toContain("hunter2");
    expect(line).toContain(`"runId":"${id}"`);
  });

  it("is tried again after a while where that can help, and then a longer while", async () => {
    let attempts = 0;
    const { handle } = await carry(async ({ number, control }) => {
      control.onProgress(percent(40));
      expect(number).toBe(++attempts);
      if (attempts < 3) throw new HoldfastError("TABLE_LOCKED", "Somebody is at it.");
      return {};
    });
    const { id } = await queuedRun(ledger);
    expect(await handle(id, never)).toEqual({ againAfterMs: 2_000 });
    expect(await findRun(ledger, id)).toMatchObject({
      status: "QUEUED",
      errorCode: null,
      progress: { phase: "queued", percent: 40 },
    });
    expect(await handle(id, never)).toEqual({ againAfterMs: 8_000 });
    expect(await handle(id, never)).toBe("done");
    expect(await findRun(ledger, id)).toMatchObject({ status: "SUCCEEDED", attempt: 3 });
  });

  it("fails its run for good when trying again has not helped", async () => {
    const { handle } = await carry(async () => {
      throw new HoldfastError("TABLE_LOCKED", "Somebody is at it.");
    });
    const { id } = await queuedRun(ledger);
    const verdicts = [];
    for (let attempt = 1; attempt <= 4; attempt++) verdicts.push(await handle(id, never));
    expect(verdicts).toEqual([
      { againAfterMs: 2_000 },
      { againAfterMs: 8_000 },
      { againAfterMs: 32_000 },
      "done",
    ]);
    expect(await findRun(ledger, id)).toMatchObject({ status: "FAILED", errorCode: "TABLE_LOCKED" });
  });
});

describe("what stops an act", () => {
  it("is a wish to cancel, from whichever process, and the run is CANCELLED whatever the act throws", async () => {
    const started = Promise.withResolvers<void>();
    const { handle } = await carry(async ({ control }) => {
      started.resolve();
      await untilAborted(control.signal).catch(() => undefined);
      throw new Error("the connection was closed under me");
    });
    const { id } = await queuedRun(ledger);
    const verdict = handle(id, never);
    await started.promise;
    await requestCancel(ledger, id);
    expect(await verdict).toBe("done");
    expect(await findRun(ledger, id)).toMatchObject({ status: "CANCELLED", errorCode: null });
  });

  it("is the worker's end: the run goes back, and counts as no failure", async () => {
    const shutdown = new AbortController();
    const started = Promise.withResolvers<void>();
    const { handle } = await carry(async ({ control }) => {
      started.resolve();
      return untilAborted(control.signal);
    });
    const { id } = await queuedRun(ledger);
    const verdict = handle(id, shutdown.signal);
    await started.promise;
    shutdown.abort();
    expect(await verdict).toEqual({ againAfterMs: 0 });
    expect(await findRun(ledger, id)).toMatchObject({ status: "QUEUED", failedAttempts: 0 });
  });

  it("is another worker that has taken the run over: nothing more is written, and what was made is taken back", async () => {
    const { run: lost, lease } = await claimedRun(ledger);
    await silence(ledger, lost.id);
    const retracted = vi.fn<() => Promise<void>>(async () => undefined);
    let before: Run | undefined;
    const { handle, logged } = await carry(async ({ run }) => {
      // As if this worker had been frozen since: another one claims the run and ends it.
      await silence(ledger, run.id);
      expect(await claimRun(ledger, run.id)).toMatchObject({ state: "claimed", lease: { attempt: 3 } });
      before = await findRun(ledger, run.id);
      return { retract: retracted };
    });
    expect(await handle(lost.id, never)).toBe("done");
    expect(lease.attempt).toBe(1);
    expect(retracted).toHaveBeenCalledTimes(1);
    expect(await findRun(ledger, lost.id)).toEqual(before);
    expect(logged()).toContain("nothing of this attempt counts");
  });

  it("is found out by the sign of life, though the act says nothing", async () => {
    const { handle } = await carry(async ({ run, control }) => {
      await ledger.sql`update holdfast.runs set attempt = attempt + 1 where id = ${run.id}`;
      return untilAborted(control.signal);
    });
    const { id } = await queuedRun(ledger);
    expect(await handle(id, never)).toBe("done");
    expect(await findRun(ledger, id)).toMatchObject({ status: "RUNNING", attempt: 2 });
  });
});

describe("progress", () => {
  it("is written a few times however often it is reported, the last always", async () => {
    const { handle } = await carry(async ({ control }) => {
      for (let step = 0; step <= 400; step++) {
        control.onProgress({ ...percent(step / 8), rows: step });
        await delay(1);
      }
      throw new HoldfastError("TABLE_MISSING", "ends here");
    });
    const { id } = await queuedRun(ledger);
    const startedAtMs = performance.now();
    await handle(id, never);
    const halfSeconds = Math.ceil((performance.now() - startedAtMs) / 500);
    const run = await findRun(ledger, id);
    expect(run?.progress).toMatchObject({ rows: 400, percent: 50 });
    // Besides progress: claimed, ended.
    expect(run?.revision).toBeLessThanOrEqual(halfSeconds + 2);
  });

  it.each(["SUCCEEDED", "FAILED", "QUEUED"] as const)(
    "that is not written yet goes with the end of the attempt, in one change: %s",
    async (status) => {
      const { handle } = await carry(async ({ run: { id }, control }) => {
        control.onProgress({ ...percent(10), rows: 1 });
        await expect.poll(async () => (await findRun(ledger, id))?.progress.rows).toBe(1);
        control.onProgress({ ...percent(20), rows: 2 });
        if (status === "QUEUED") throw new HoldfastError("DATABASE_UNREACHABLE", "later");
        if (status === "FAILED") throw new HoldfastError("TABLE_MISSING", "no");
        return {};
      });
      const { id } = await queuedRun(ledger);
      await handle(id, never);
      const percentThen = status === "SUCCEEDED" ? 100 : 20;
      // Claimed, written, ended.
      expect(await findRun(ledger, id)).toMatchObject({
        ...{ status, revision: 3 },
        progress: { rows: 2, percent: percentThen },
      });
    },
  );
});

describe("a secret", () => {
  it.each(["SUCCEEDED", "FAILED", "CANCELLED"] as const)(
    "reaches its act, and is nowhere once the run is %s",
    async (ending) => {
      const place = { databaseUrl: database.url, namespace: newNamespace() };
      const queue = await testQueue(place);
      const id = randomUUID();
      const sealed = sealSecret(secretKey, id, "correct horse");
      const { handle } = await carry(async ({ run, secret, control }) => {
        expect(secret()).toBe("correct horse");
        if (ending === "FAILED") throw new HoldfastError("TABLE_MISSING", "no");
        if (ending === "SUCCEEDED") return {};
        await requestCancel(ledger, run.id);
        return untilAborted(control.signal);
      });
      await createRun(ledger, { ...backupRun(), id, sealedSecret: sealed });
      await queue.enqueue("BACKUP", id);
      const whileQueued = await readWholeQueue(place);
      const worker = await queue.startWorker({ BACKUP: handle }, { concurrency: 1 });
      onTestFinished(() => worker.close());
      await vi.waitFor(async () => expect(await queue.has(id)).toBe(false), { timeout: 20_000 });

      expect(await findRun(ledger, id)).toMatchObject({ status: ending });
      const row = await ledger.sql`select to_jsonb(runs)::text as text from holdfast.runs where id = ${id}`;
      for (const text of [whileQueued, await readWholeQueue(place), JSON.stringify(row)]) {
        expect(text).toContain(id);
        expect(text).not.toContain("correct horse");
        expect(text).not.toContain(sealed);
      }
    },
  );

  it("that was sealed with another key fails the run with SECRET_LOST", async () => {
    const id = randomUUID();
    const sealedSecret = sealSecret(deriveKey("another server's secret, as long", "run secrets"), id, "x");
    const { handle } = await carry(async ({ secret }) => (secret(), {}));
    await createRun(ledger, { ...backupRun(), id, sealedSecret });
    await handle(id, never);
    expect(await findRun(ledger, id)).toMatchObject({ status: "FAILED", errorCode: "SECRET_LOST" });
  });
});

describe("what an attempt leaves", () => {
  it("is deleted once its run has ended, not while it may be taken up again", async () => {
    const ids: string[] = [];
    const { handle, discarded } = await carry(async ({ note, number, run }) => {
      expect(run.unfinishedId).toBe(ids.at(-1) ?? null);
      const id = randomUUID();
      ids.push(id);
      await note(id);
      throw new HoldfastError(number === 1 ? "TABLE_LOCKED" : "TABLE_MISSING", "no");
    });
    const { id } = await queuedRun(ledger);
    await handle(id, never);
    expect(discarded).toEqual([]);
    expect(await findRun(ledger, id)).toMatchObject({ unfinishedId: ids[0] });
    await handle(id, never);
    expect(discarded).toEqual([ids[1]]);
    expect(await findRun(ledger, id)).toMatchObject({ status: "FAILED", unfinishedId: null });
  });

  it("stays noted where it cannot be deleted, and is deleted by a later sweep", async () => {
    const processor = await carry(async ({ note }) => {
      await note(randomUUID());
      throw new HoldfastError("TABLE_MISSING", "no");
    });
    let failures = 1;
    const flaky = async (run: Run, id: string) => {
      if (failures-- > 0) throw new HoldfastError("STORE_FAILED", "not now");
      await processor.discard(run, id);
    };
    const { lease, run } = await claimedRun(ledger);
    const left = randomUUID();
    await noteUnfinished(ledger, lease, left);
    await requestCancel(ledger, run.id);
    await silence(ledger, run.id);
    expect(await claimRun(ledger, run.id)).toEqual({ state: "settled" });

    await sweepRemains(processor.deps, { BACKUP: { discard: flaky } });
    expect(await findRun(ledger, run.id)).toMatchObject({ unfinishedId: left });
    await sweepRemains(processor.deps, { BACKUP: { discard: flaky } });
    expect(await findRun(ledger, run.id)).toMatchObject({ unfinishedId: null });
    expect(processor.discarded).toEqual([left]);
  });
});

describe("a ledger that is out of reach", () => {
  it("for a moment costs nothing: the act goes on, and its success is written when the ledger is back", async () => {
    const passage = await openPassage(database.url);
    const remote = openLedger(passage.url);
    onTestFinished(() => remote.close());
    const { handle, logged } = await carry(async ({ control }) => {
      await passage.cut();
      control.onProgress(percent(70));
      setTimeout(() => void passage.mend(), 1_500);
      return {};
    }, remote);
    const { id } = await queuedRun(ledger);
    expect(await handle(id, never)).toBe("done");
    expect(await findRun(ledger, id)).toMatchObject({ status: "SUCCEEDED", attempt: 1 });
    expect(logged()).toContain("the run's ending waits");
  });

  it("when an act asks it is no fault of Holdfast's: the run is tried again", async () => {
    const passage = await openPassage(database.url);
    const remote = openLedger(passage.url);
    onTestFinished(() => remote.close());
    const { handle } = await carry(async () => {
      await passage.cut();
      setTimeout(() => void passage.mend(), 500);
      await findRun(remote, randomUUID());
      return {};
    }, remote);
    const { id } = await queuedRun(ledger);
    expect(await handle(id, never)).toEqual({ againAfterMs: 2_000 });
    expect(await findRun(ledger, id)).toMatchObject({ status: "QUEUED", failedAttempts: 1 });
  });
});

it("leaves a run alone that has ended, or that another worker has", async () => {
  const { handle } = await carry(async () => {
    throw new Error("there was nothing to do");
  });
  const ended = await queuedRun(ledger);
  await requestCancel(ledger, ended.id);
  expect(await handle(ended.id, never)).toBe("done");
  expect(await handle(randomUUID(), never)).toBe("done");
  const { run } = await claimedRun(ledger);
  expect(await handle(run.id, never)).toEqual({ againAfterMs: 1_000 });
  expect(await findRun(ledger, run.id)).toEqual(run);
});
