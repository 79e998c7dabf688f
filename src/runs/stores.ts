// What becomes of a store that is asked whether it can be reached, or whether it can do all that a backup needs.
import type { Caller } from "../auth/caller.ts";
import { HoldfastError } from "../core/errors.ts";
import type { RunDeps, StoreAccess, StoreInfo } from "./deps.ts";

const LOOK_TIMEOUT_MS = 5_000;
/** A probe sends and deletes something; a server far away may take its time. */
const PROBE_TIMEOUT_MS = 30_000;

export interface StoreHealth {
  readonly reachable: boolean;
  /** Why it is not. Plain, for an Error is something else to whoever resolves a field. */
  readonly error: Pick<HoldfastError, "code" | "message" | "hint"> | null;
}

/** Where a store is and how it fares is for those who look after backups. */
export function mayLookAfter(caller: Caller): boolean {
  return caller.permissions.has("MANAGE_BACKUPS");
}

/** Whether it answers a look at an object that is not there. */
export function lookAtStore({ name, access }: StoreInfo): Promise<StoreHealth | null> {
  if (access === undefined) return Promise.resolve(null);
  return healthOf(name, access.look, LOOK_TIMEOUT_MS);
}

/**
 * Has a store put, list, read and delete a small object.
 * @throws HoldfastError NOT_FOUND for a name that no store has
 */
export async function probeStore({ stores }: Pick<RunDeps, "stores">, name: string): Promise<StoreHealth> {
  const access = stores.find((store) => store.name === name)?.access;
  if (access !== undefined) return healthOf(name, access.probe, PROBE_TIMEOUT_MS);
  throw new HoldfastError("NOT_FOUND", `There is no store ${name}.`, {
    hint: `The stores are ${stores.map((store) => store.name).join(", ")}.`,
  });
}

async function healthOf(name: string, ask: StoreAccess["look"], timeoutMs: number): Promise<StoreHealth> {
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    await ask(signal);
    return { reachable: true, error: null };
  } catch (error) {
    if (signal.aborted) {
      const late = `The store ${name} has not answered within ${timeoutMs / 1000} s.`;
      return unreachable(new HoldfastError("STORE_FAILED", late));
    }
    if (!(error instanceof HoldfastError)) throw error;
    return unreachable(error);
  }
}

function unreachable({ code, message, hint }: HoldfastError): StoreHealth {
  return { reachable: false, error: { code, message, hint } };
}
