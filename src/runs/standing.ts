// Whether those who have asked for a run may still have it when it is taken up: hours may lie between.
import type { Account } from "../auth/caller.ts";
import type { Access, Catalog } from "../core/catalog.ts";
import { HoldfastError } from "../core/errors.ts";
import type { Run } from "../ledger/run-row.ts";
import { requireAccess } from "./access.ts";

/** What a run takes of whoever starts it: a restore changes entities, everything else reads them. */
export const ACCESS_OF: Readonly<Record<Run["kind"], Access>> = {
  BACKUP: "READ",
  RESTORE: "WRITE",
  VERIFICATION: "READ",
};

export interface StandingDeps {
  readonly catalog: Catalog;
  /** The account as it is now; undefined: it is gone, disabled, or another by that id. */
  readonly findAccount: (userId: string, username: string) => Promise<Account | undefined>;
}

/**
 * What a schedule starts asks nobody. A restore that an earlier attempt may have applied in part goes on: half of it would be worse.
 * @throws HoldfastError FORBIDDEN
 */
export async function requireStanding({ catalog, findAccount }: StandingDeps, run: Run): Promise<void> {
  const { requestedById, requestedBy } = run;
  if (requestedById === null || requestedBy === null) return;
  if (run.kind === "RESTORE" && run.unfinishedId !== null) return;
  const account = await findAccount(requestedById, requestedBy);
  if (account === undefined)
    throw new HoldfastError("FORBIDDEN", `The account of ${requestedBy} is gone or disabled by now.`, {
      hint: "Somebody who has the permissions can start it again.",
    });
  requireAccess(catalog, account, run.entities, ACCESS_OF[run.kind]);
}
