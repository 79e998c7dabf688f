// What answers the API's questions, on the foundation: the same for a server, and for a command that has no server.
import { createAuth, type Auth } from "../auth/auth.ts";
import type { StoreInfo } from "../runs/deps.ts";
import type { TransferDeps } from "../transfer/deps.ts";
import { probeStore } from "../store/probe.ts";
import type { Store } from "../store/store.ts";
import { carryOutDeletions } from "../../workers/deletions.ts";
import type { ContextDeps } from "../../schema/context.ts";
import { createCatalogFacts } from "./catalog-facts.ts";
import type { Foundation } from "./foundation.ts";

export interface ApiDeps extends Omit<ContextDeps, "keeping">, TransferDeps {
  readonly auth: Auth;
}

export function apiDepsOn(foundation: Foundation): ApiDeps {
  const { ledger, catalog, serverSecret, sealKey, stores, notify } = foundation;
  const { queue, watcher, signer, databaseUrl, log } = foundation;
  return {
    ...{ ledger, catalog, queue, watcher, signer, databaseUrl, log },
    secretKey: sealKey,
    stores: describeStores(foundation),
    artifactStores: stores,
    carryOutDeletions: () => carryOutDeletions(foundation),
    auth: createAuth({ ledger, catalog, secretKey: serverSecret }),
    catalogFacts: createCatalogFacts(foundation),
    notifyTargets: notify.map(({ name, kind, on }) => ({ name, kind, on })),
  };
}

/** The stores as clients see them. */
export function describeStores({
  stores,
  defaultStores,
}: {
  readonly stores: ReadonlyMap<string, Store>;
  readonly defaultStores: readonly string[];
}): StoreInfo[] {
  return [...stores].map(([name, store]) => ({
    name,
    kind: store.kind,
    isDefault: defaultStores.includes(name),
    access: {
      place: store.place,
      look: async (signal) => void (await store.stat("readiness", { signal })),
      probe: (signal) => probeStore(store, signal),
    },
  }));
}
