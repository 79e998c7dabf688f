// Workers that die or freeze midway, as processes.
import { describe, expect, it, vi } from "vitest";
import { findArtifact } from "../../src/ledger/artifacts.ts";
import { findRun, requestCancel } from "../../src/ledger/runs.ts";
import { createSite, ENDLESS, PATIENCE_MS, percents, WAIT_MS } from "./process-fixture.ts";

describe("a worker that is killed midway", { timeout: PATIENCE_MS }, () => {
  it("loses its run to another, which does it from the start and leaves nothing of the first attempt", async () => {
    const site = await createSite();
    const first = await site.startWorker();
    const run = await site.submit(ENDLESS);
    const states = site.follow(run.id);
    await vi.waitFor(async () => expect(await site.stored()).toHaveLength(1), { timeout: WAIT_MS });
    const second = await site.startWorker();
    first.child.kill("SIGKILL");

    await second.logged("run taken up", run.id);
    expect((await states).at(-1)).toMatchObject({ status: "SUCCEEDED", attempt: 2, failedAttempts: 1 });
    expect(percents(await states)).toEqual(percents(await states).toSorted((a, b) => a - b));
    const artifact = await findArtifact(site.ledger, run.id);
    expect(await site.stored()).toEqual([`${artifact?.id}/holdfast.json`, `${artifact?.id}/index.json`]);
  });

  it("does not leave a run that was to be cancelled behind, nor what it had written", async () => {
    const site = await createSite();
    const first = await site.startWorker();
    const run = await site.submit(ENDLESS);
    await vi.waitFor(async () => expect(await site.stored()).toHaveLength(1), { timeout: WAIT_MS });
    first.child.kill("SIGKILL");
    await first.exited;
    await requestCancel(site.ledger, run.id);
    const second = await site.startWorker();
    expect((await site.follow(run.id)).at(-1)).toMatchObject({ status: "CANCELLED", attempt: 1 });
    await second.logged("what the run left behind is deleted", run.id);
    expect(await site.stored()).toEqual([]);
  });
});

it(
  "lets a worker that was frozen and is taken over write nothing more when it wakes up",
  { timeout: PATIENCE_MS },
  async () => {
    const site = await createSite();
    const frozen = await site.startWorker();
    const run = await site.submit(ENDLESS);
    await frozen.logged("run taken up", run.id);
    frozen.child.kill("SIGSTOP");
    const other = await site.startWorker();
    await other.logged("run ended", run.id);
    const before = await findRun(site.ledger, run.id);
    expect(before).toMatchObject({ status: "SUCCEEDED", attempt: 2 });

    frozen.child.kill("SIGCONT");
    // What it finds first is either that, or that what it was about to store is gone.
    await vi.waitFor(
      () => {
        const told = frozen.lines.filter(({ runId }) => runId === run.id).map(({ msg }) => msg);
        expect(told).toContainEqual(expect.stringContaining("another worker has taken the run over"));
      },
      { timeout: WAIT_MS },
    );
    expect(await findRun(site.ledger, run.id)).toEqual(before);
    const artifact = await findArtifact(site.ledger, run.id);
    expect(await site.stored()).toEqual([`${artifact?.id}/holdfast.json`, `${artifact?.id}/index.json`]);
  },
);
