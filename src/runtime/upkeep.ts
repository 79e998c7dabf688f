// What every process does beside its own duty, so that it is done as long as any of them runs: starts what schedules have
// due, looks after schedules that were missed or lost, applies retention that was not applied, finishes deletions, tidies stores that failed, and tells people.
import { carryOutDeletions, startDeleting } from "../../workers/deletions.ts";
import { startTidyingStores } from "../../workers/failed-stores.ts";
import { startLooking } from "../core/looking.ts";
import { lookAfterSchedules, startDue } from "../runs/due.ts";
import { applyRetention, settleRetention, type RetentionDeps } from "../runs/prune-backups.ts";
import { startPinning } from "../transfer/pin-artifacts.ts";
import type { Foundation } from "./foundation.ts";
import { startTelling } from "./telling.ts";

const LOOK_MS = 5_000;

export interface Upkeep {
  /** Waits for what is under way. To be closed before the foundation. */
  close(): Promise<void>;
}

/** @throws HoldfastError QUEUE_UNREACHABLE */
export async function startUpkeep(foundation: Foundation): Promise<Upkeep> {
  await using opened = new AsyncDisposableStack();
  const { queue, log } = foundation;
  const ticks = await queue.ticks.startWorker(async (tick, now) => {
    await startDue(foundation, tick, now);
  });
  opened.defer(() => ticks.close());
  const looking = startLooking(
    () => lookAfterSchedules(foundation, new Date()),
    LOOK_MS,
    (error) => log.warn({ err: error }, "the schedules could not be looked after"),
  );
  opened.defer(() => looking.close());
  const retaining = startLooking(
    () => settleRetention(retentionDeps(foundation)),
    LOOK_MS,
    (error) => log.warn({ err: error }, "retention could not be settled"),
  );
  opened.defer(() => retaining.close());
  const deleting = startDeleting(foundation);
  opened.defer(() => deleting.close());
  const tidying = startTidyingStores(foundation);
  opened.defer(() => tidying.close());
  const pinning = startPinning(foundation);
  opened.defer(() => pinning.close());
  const telling = await startTelling(foundation);
  opened.defer(() => telling.close());
  const closing = opened.move();
  return { close: () => closing.disposeAsync() };
}

/** What is done after each backup of a schedule: the schedule's own retention is applied. */
export function retentionOf(foundation: Foundation): (scheduleId: string) => Promise<void> {
  return (scheduleId) => applyRetention(retentionDeps(foundation), scheduleId);
}

function retentionDeps(foundation: Foundation): RetentionDeps {
  const { ledger, log } = foundation;
  return { ledger, log, carryOutDeletions: () => carryOutDeletions(foundation) };
}
