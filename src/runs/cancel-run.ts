// Cancels a run for a caller.
import { recordAudit } from "../auth/audit.ts";
import type { Caller } from "../auth/caller.ts";
import type { Origin } from "../auth/context.ts";
import { HoldfastError } from "../core/errors.ts";
import type { Run } from "../ledger/run-row.ts";
import { findRun, requestCancel } from "../ledger/runs.ts";
import { mayAccess, requireAccess } from "./access.ts";
import type { RunDeps } from "./deps.ts";
import { ACCESS_OF } from "./standing.ts";

/**
 * Asks for a run to stop: one that waits is CANCELLED at once, one that runs ends within two seconds, wherever it runs.
 * Whoever started it may, and whoever could have started it. A token that may not do all that its owner may is not its owner.
 * @returns the run as it is then
 * @throws HoldfastError NOT_FOUND (no such run, or none that the caller may know of), FORBIDDEN, ALREADY_FINISHED
 */
export async function cancelRun(
  { ledger, catalog }: RunDeps,
  caller: Caller,
  id: string,
  origin: Origin = {},
): Promise<Run> {
  const run = await findRun(ledger, id);
  if (run === undefined) throw noRun(id);
  const isOwn = run.requestedById === caller.userId && !(caller.via === "token" && caller.limited);
  if (!isOwn) {
    const access = ACCESS_OF[run.kind];
    const known =
      mayAccess(catalog, caller, run.entities, "READ") || mayAccess(catalog, caller, run.entities, access);
    if (!known) throw noRun(id);
    requireAccess(catalog, caller, run.entities, access);
  }
  return ledger.db.transaction(async (tx) => {
    const cancelled = await requestCancel({ ...ledger, db: tx }, id);
    const kind = run.kind.toLowerCase();
    await recordAudit(tx, {
      actor: caller.username,
      action: `${kind}.cancelled`,
      target: `${kind}:${id}`,
      address: origin.address,
    });
    return cancelled;
  });
}

function noRun(id: string): HoldfastError {
  return new HoldfastError("NOT_FOUND", `There is no run ${id}.`);
}
