// What stands before a run's work: whether its requester still may, and has not guessed too often at what opens the backup.
import type { Auth } from "../auth/auth.ts";
import type { Catalog } from "../core/catalog.ts";
import { requireStanding } from "../runs/standing.ts";
import type { Guard } from "../../workers/deps.ts";

export function guardRuns(auth: Auth, catalog: Catalog): Guard {
  return async ({ run, secret }, act) => {
    await requireStanding({ catalog, findAccount: auth.findAccount }, run);
    if (run.kind === "BACKUP" || secret() === undefined) return act();
    const opener = { userId: run.requestedById, address: run.request.address };
    return auth.limitOpening(opener, act, (result) =>
      "failure" in result ? result.failure.code : undefined,
    );
  };
}
