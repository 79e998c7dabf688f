// What every resolver is given: who asks, and what it takes to answer.
import type { Opener } from "../src/auth/attempts.ts";
import type { Auth } from "../src/auth/auth.ts";
import type { Caller } from "../src/auth/caller.ts";
import type { Origin } from "../src/auth/context.ts";
import { HoldfastError } from "../src/core/errors.ts";
import type { RunWatcher } from "../src/ledger/watch.ts";
import type { DeliveryDeps } from "../src/runs/deliveries.ts";
import type { SubscriptionPlaces } from "./subscription-places.ts";
import type { Keeping } from "../src/runs/keeping.ts";

/** What an entity's tables look like in its database at present. */
export interface EntityFacts {
  /** Names of the entities that its foreign keys refer to. */
  readonly dependsOn: readonly string[];
  /** By the database's statistics; null where it has none yet. */
  readonly estimatedRows: number | null;
}

export interface ContextDeps extends DeliveryDeps {
  readonly auth: Auth;
  readonly watcher: RunWatcher;
  /** Acts on the stores while the caller waits. */
  readonly keeping: Keeping;
  /** By the entity's name; entities whose database cannot be reached may be missing. */
  readonly catalogFacts: () => Promise<ReadonlyMap<string, EntityFacts>>;
  /** How often a running subscription looks whether its caller still has the right to it; left out: 2 s. */
  readonly recheckRightsMs?: number | undefined;
}

export interface Context extends Omit<ContextDeps, "recheckRightsMs"> {
  readonly recheckRightsMs: number;
  readonly subscriptions: SubscriptionPlaces;
  readonly origin: Origin;
  readonly identity: Identity;
}

/** Who asks. A subscription lives longer than what was true when it began, and looks again. */
export interface Identity {
  /** Null: not signed in. */
  readonly caller: Caller | null;
  /** @throws HoldfastError UNAUTHENTICATED when the token is no longer good */
  refresh(): Promise<void>;
}

/**
 * @param authorization the header, or what a WebSocket's connection brought; null: not signed in
 * @throws HoldfastError UNAUTHENTICATED for a token that is not good; none at all is not an error yet
 */
export async function createContext(
  deps: ContextDeps & Pick<Context, "subscriptions">,
  authorization: string | null,
  origin: Origin,
): Promise<Context> {
  const { auth, recheckRightsMs = 2_000 } = deps;
  const authenticate = async () => (authorization === null ? null : auth.authenticate(authorization));
  let caller = await authenticate();
  const identity: Identity = {
    get caller() {
      return caller;
    },
    async refresh() {
      caller = authorization === null ? null : await auth.reauthenticate(authorization);
    },
  };
  return { ...deps, recheckRightsMs, origin, identity };
}

/** @throws HoldfastError UNAUTHENTICATED */
export function signedIn({ identity }: Context): Caller {
  if (identity.caller === null) throw new HoldfastError("UNAUTHENTICATED", "This needs a signed-in caller.");
  return identity.caller;
}

/** Who gives what opens a backup, for the limit on wrong ones. @throws HoldfastError UNAUTHENTICATED */
export function openerOf(context: Context): Opener {
  return { userId: signedIn(context).userId, address: context.origin.address };
}
