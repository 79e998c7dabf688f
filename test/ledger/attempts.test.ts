import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findArtifact } from "../../src/ledger/artifacts.ts";
import { beat, claimRun, finishRun, writeProgress } from "../../src/ledger/attempts.ts";
import { openLedger, type Ledger } from "../../src/ledger/connect.ts";
import { releaseRun } from "../../src/ledger/lease.ts";
import { findRunsWithRemains, forgetUnfinished, noteUnfinished } from "../../src/ledger/remains.ts";
import { findUnconfirmedRuns, confirmCarried, recoverLostRuns } from "../../src/ledger/recovery.ts";
import { findRun, requestCancel } from "../../src/ledger/runs.ts";
import { createDatabase, type TestDatabase } from "../support/postgres.ts";
import { claimed, claimedRun, percent, queuedRun, silence } from "./runs-fixture.ts";

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

const failure = { code: "TABLE_LOCKED", message: "locked", hint: "wait" } as const;

function artifact(id = randomUUID()) {
  return {
    id,
    encryption: "NONE" as const,
    stores: ["local"],
    contents: [{ entity: "USERS", table: "platform.users", rows: 3, rawBytes: 40 }],
    sizeBytes: 100,
    rawBytes: 40,
    rows: 3,
  };
}

async function secretOf(runId: string): Promise<unknown> {
  const [row] = await ledger.sql`select sealed_secret from holdfast.runs where id = ${runId}`;
  return row?.["sealed_secret"];
}

describe("claiming", () => {
  it("gives a queued run to one of many who ask at once, with its sealed secret", async () => {
    const { id } = await queuedRun(ledger, { sealedSecret: "v1.sealed" });
    const claims = await Promise.all([1, 2, 3, 4, 5].map(() => claimRun(ledger, id)));
    expect(claims.map(({ state }) => state).toSorted()).toEqual(["claimed", "held", "held", "held", "held"]);
    const winner = claims.find(({ state }) => state === "claimed");
    expect(winner).toMatchObject({ sealedSecret: "v1.sealed", run: { status: "RUNNING", attempt: 1 } });
  });

  it("leaves a run to a worker that has just shown a sign of life", async () => {
    const { run } = await claimedRun(ledger);
    expect(await claimRun(ledger, run.id)).toEqual({ state: "held" });
  });

  it("takes a run over whose worker has fallen silent, and counts that", async () => {
    const first = await claimedRun(ledger);
    await silence(ledger, first.run.id);
    const second = claimed(await claimRun(ledger, first.run.id));
    expect(second.run).toMatchObject({ status: "RUNNING", attempt: 2, failedAttempts: 1 });
    expect(second.run.startedAt).toEqual(first.run.startedAt);
  });

  it("finds nothing to do for a run that has ended, or that there is not", async () => {
    const { run, lease } = await claimedRun(ledger);
    await finishRun(ledger, lease, { status: "CANCELLED" });
    expect(await claimRun(ledger, run.id)).toEqual({ state: "settled" });
    expect(await claimRun(ledger, randomUUID())).toEqual({ state: "settled" });
  });

  it("cancels instead, where that was asked for and the worker is gone", async () => {
    const { run } = await claimedRun(ledger, { sealedSecret: "v1.sealed" });
    await requestCancel(ledger, run.id);
    await silence(ledger, run.id);
    expect(await claimRun(ledger, run.id)).toEqual({ state: "settled" });
    expect(await findRun(ledger, run.id)).toMatchObject({ status: "CANCELLED" });
    expect(await secretOf(run.id)).toBeNull();
  });
});

describe("the fence", () => {
  it("keeps everything that a superseded worker writes out", async () => {
    const zombie = await claimedRun(ledger);
    await silence(ledger, zombie.run.id);
    const { lease, run } = claimed(await claimRun(ledger, zombie.run.id));
    const before = await findRun(ledger, run.id);

    expect(await beat(ledger, zombie.lease)).toBeUndefined();
    expect(await writeProgress(ledger, zombie.lease, percent(99))).toBeUndefined();
    expect(await noteUnfinished(ledger, zombie.lease, randomUUID())).toBe(false);
    expect(await releaseRun(ledger, zombie.lease, failure)).toBeUndefined();
    expect(await finishRun(ledger, zombie.lease, { status: "SUCCEEDED", artifact: artifact() })).toBe(false);
    expect(await findRun(ledger, run.id)).toEqual(before);
    expect(await findArtifact(ledger, run.id)).toBeUndefined();

    expect(await beat(ledger, lease)).toEqual({ cancelRequested: false });
  });

  it("holds between the final states, too: the first one stays", async () => {
    const { run, lease } = await claimedRun(ledger);
    expect(await finishRun(ledger, lease, { status: "CANCELLED" })).toBe(true);
    expect(await finishRun(ledger, lease, { status: "SUCCEEDED" })).toBe(false);
    expect(await findRun(ledger, run.id)).toMatchObject({ status: "CANCELLED" });
  });
});

describe("progress", () => {
  it("never falls, not in a later attempt either", async () => {
    const { run, lease } = await claimedRun(ledger);
    await writeProgress(ledger, lease, percent(40.5));
    await writeProgress(ledger, lease, percent(12));
    expect(await findRun(ledger, run.id)).toMatchObject({ progress: { phase: "copying", percent: 40.5 } });
    expect(await releaseRun(ledger, lease)).toMatchObject({
      status: "QUEUED",
      progress: { phase: "queued", percent: 40.5 },
    });
    const again = claimed(await claimRun(ledger, run.id));
    await writeProgress(ledger, again.lease, percent(3));
    expect(await findRun(ledger, run.id)).toMatchObject({ progress: { percent: 40.5 } });
  });

  it("that comes with an end is written with it, and does not fall either", async () => {
    const first = await claimedRun(ledger);
    await writeProgress(ledger, first.lease, percent(40));
    const progress = { ...percent(30), rows: 7 };
    expect(await releaseRun(ledger, first.lease, undefined, progress)).toMatchObject({
      progress: { phase: "queued", percent: 40, rows: 7 },
    });
    const second = claimed(await claimRun(ledger, first.run.id));
    await finishRun(ledger, second.lease, { status: "CANCELLED" }, { ...percent(50), rows: 8 });
    expect(await findRun(ledger, first.run.id)).toMatchObject({
      status: "CANCELLED",
      progress: { phase: "copying", percent: 50, rows: 8 },
    });
    const other = await claimedRun(ledger);
    await finishRun(ledger, other.lease, { status: "SUCCEEDED" }, progress);
    expect(await findRun(ledger, other.run.id)).toMatchObject({
      progress: { phase: "done", percent: 100, rows: 7 },
    });
  });

  it("tells the worker that the run is to be cancelled", async () => {
    const { run, lease } = await claimedRun(ledger);
    expect(await writeProgress(ledger, lease, percent(1))).toEqual({ cancelRequested: false });
    await requestCancel(ledger, run.id);
    expect(await writeProgress(ledger, lease, percent(2))).toEqual({ cancelRequested: true });
    expect(await beat(ledger, lease)).toEqual({ cancelRequested: true });
  });
});

describe("finishing", () => {
  it("writes the artifact with the success, at a hundred percent", async () => {
    const { run, lease } = await claimedRun(ledger, { sealedSecret: "v1.sealed" });
    const made = artifact();
    await noteUnfinished(ledger, lease, made.id);
    expect(await finishRun(ledger, lease, { status: "SUCCEEDED", artifact: made })).toBe(true);
    expect(await findRun(ledger, run.id)).toMatchObject({
      status: "SUCCEEDED",
      progress: { phase: "done", percent: 100 },
      unfinishedId: null,
    });
    expect(await findArtifact(ledger, run.id)).toMatchObject({ ...made, runId: run.id, pinned: false });
    expect(await secretOf(run.id)).toBeNull();
  });

  it("may be told again where the answer was lost, and changes nothing then", async () => {
    const { run, lease } = await claimedRun(ledger);
    const ending = { status: "SUCCEEDED", artifact: artifact() } as const;
    await finishRun(ledger, lease, ending);
    const before = await findRun(ledger, run.id);
    expect(await finishRun(ledger, lease, ending)).toBe(true);
    expect(await findRun(ledger, run.id)).toEqual(before);
  });

  it("says why a run failed, and leaves the progress where it was", async () => {
    const { run, lease } = await claimedRun(ledger, { sealedSecret: "v1.sealed" });
    await writeProgress(ledger, lease, percent(30));
    await finishRun(ledger, lease, { status: "FAILED", failure });
    expect(await findRun(ledger, run.id)).toMatchObject({
      status: "FAILED",
      errorCode: "TABLE_LOCKED",
      errorMessage: "locked",
      errorHint: "wait",
      progress: { phase: "copying", percent: 30 },
    });
    expect(await secretOf(run.id)).toBeNull();
  });

  it("is the only way to a final state: the database refuses one that keeps its secret or has no time", async () => {
    const { run } = await claimedRun(ledger, { sealedSecret: "v1.sealed" });
    const set = (assignments: string) =>
      ledger.sql.unsafe(`update holdfast.runs set ${assignments} where id = '${run.id}'`);
    await expect(set("status = 'FAILED', finished_at = now()")).rejects.toThrow("runs_final_has_no_secret");
    await expect(set("status = 'FAILED', sealed_secret = null")).rejects.toThrow("runs_final_is_finished");
  });
});

describe("an attempt that comes to nothing", () => {
  it("is retried three times, then the run fails with the last failure", async () => {
    const { id } = await queuedRun(ledger, { sealedSecret: "v1.sealed" });
    for (let retry = 1; retry <= 3; retry++) {
      const { lease } = claimed(await claimRun(ledger, id));
      expect(await releaseRun(ledger, lease, failure)).toMatchObject({
        status: "QUEUED",
        failedAttempts: retry,
        errorCode: null,
      });
    }
    expect(await secretOf(id)).toBe("v1.sealed");
    const { lease } = claimed(await claimRun(ledger, id));
    expect(await releaseRun(ledger, lease, failure)).toMatchObject({
      status: "FAILED",
      errorCode: "TABLE_LOCKED",
    });
    expect(await secretOf(id)).toBeNull();
  });

  it("does not count where the run is given back", async () => {
    const { id } = await queuedRun(ledger);
    for (let times = 0; times < 6; times++) {
      const { lease } = claimed(await claimRun(ledger, id));
      expect(await releaseRun(ledger, lease)).toMatchObject({ status: "QUEUED", failedAttempts: 0 });
    }
  });

  it("ends CANCELLED where that was asked for, given back or failed", async () => {
    for (const reason of [undefined, failure]) {
      const { run, lease } = await claimedRun(ledger);
      await requestCancel(ledger, run.id);
      expect(await releaseRun(ledger, lease, reason)).toMatchObject({ status: "CANCELLED", errorCode: null });
    }
  });
});

describe("recovery", () => {
  it("queues the runs of silent workers again, by however many it is done, and leaves the others alone", async () => {
    const lost = await claimedRun(ledger);
    const alive = await claimedRun(ledger);
    await silence(ledger, lost.run.id);
    const recovered = await Promise.all(
      [1, 2, 3].map(() => recoverLostRuns(ledger, { silentForMs: 15_000 })),
    );
    expect(recovered.flat().filter(({ id }) => id === lost.run.id)).toHaveLength(1);
    expect(await findRun(ledger, lost.run.id)).toMatchObject({ status: "QUEUED", failedAttempts: 1 });
    expect(await findRun(ledger, alive.run.id)).toMatchObject({ status: "RUNNING" });
  });

  it("fails a run with WORKER_LOST that has lost its worker too often", async () => {
    const { run } = await claimedRun(ledger, { sealedSecret: "v1.sealed" });
    for (let times = 0; times < 3; times++) {
      await silence(ledger, run.id);
      claimed(await claimRun(ledger, run.id));
    }
    await silence(ledger, run.id);
    await recoverLostRuns(ledger, { silentForMs: 15_000 });
    expect(await findRun(ledger, run.id)).toMatchObject({ status: "FAILED", errorCode: "WORKER_LOST" });
    expect(await secretOf(run.id)).toBeNull();
  });

  it("finds queued runs that nobody has looked after lately, until somebody has", async () => {
    const { id } = await queuedRun(ledger);
    const found = async () => (await findUnconfirmedRuns(ledger, 15_000)).some((run) => run.id === id);
    expect(await found()).toBe(false);
    await silence(ledger, id);
    expect(await found()).toBe(true);
    await confirmCarried(ledger, [id]);
    expect(await found()).toBe(false);
  });

  it("finds what runs left that ended without their worker, and not what may still be written", async () => {
    const ended = await claimedRun(ledger, { stores: ["local", "offsite"] });
    const running = await claimedRun(ledger);
    const artifactId = randomUUID();
    await noteUnfinished(ledger, ended.lease, artifactId);
    await noteUnfinished(ledger, running.lease, randomUUID());
    await requestCancel(ledger, ended.run.id);
    await silence(ledger, ended.run.id);
    await recoverLostRuns(ledger, { silentForMs: 15_000, runId: ended.run.id });
    expect(await findRunsWithRemains(ledger)).toMatchObject([
      { id: ended.run.id, unfinishedId: artifactId, request: { stores: ["local", "offsite"] } },
    ]);
    await forgetUnfinished(ledger, ended.run.id, randomUUID());
    expect(await findRunsWithRemains(ledger)).toHaveLength(1);
    await forgetUnfinished(ledger, ended.run.id, artifactId);
    expect(await findRunsWithRemains(ledger)).toEqual([]);
  });
});
