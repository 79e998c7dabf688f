// What stands before a run's work: whether its requester still may, and has not guessed too often at what opens the backup.
import type { Auth } from "../auth/auth.ts";
import { foreseeLockOut } from "../auth/foresee-lock-out.ts";
import { entityNamed, permissionsFor, type Catalog } from "../core/catalog.ts";
import { requireStanding, type StandingDeps } from "../runs/standing.ts";
import type { ForeseeLockOut, Guard } from "../../workers/deps.ts";

export function guardRuns(auth: Auth, catalog: Catalog): Guard {
  const standing: StandingDeps = {
    catalog,
    findAccount: (userId, username) => auth.findAccount(userId, username),
  };
  return async ({ run, secret }, act) => {
    await requireStanding(standing, run);
    if (run.kind === "BACKUP" || secret() === undefined) return act();
    const opener = { userId: run.requestedById, address: run.request.address };
    return auth.limitOpening(opener, act, (result) =>
      "failure" in result ? result.failure.code : undefined,
    );
  };
}

/** Of a run that somebody has asked for: what a schedule starts restores nothing. */
export function lockOutForeseen(catalog: Catalog): ForeseeLockOut {
  return ({ requestedById, requestedBy, entities, request }, found) => {
    if (requestedById === null || requestedBy === null) return undefined;
    const restorer = { userId: requestedById, username: requestedBy, tokenId: request.tokenId ?? null };
    const needed = permissionsFor(
      entities.map((name) => entityNamed(catalog, name)),
      "WRITE",
    );
    return foreseeLockOut(catalog, restorer, needed, found);
  };
}
