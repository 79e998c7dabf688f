// Acts on backups that are kept, put together for whoever serves clients.
import type { Keeping } from "../runs/keeping.ts";
import type { KeepingDeps } from "./deps.ts";
import { importBackup } from "./import-backup.ts";
import { rekeyBackup } from "./rekey-backup.ts";
import { scanStores } from "./scan-stores.ts";

/** @param signal ends imports and scans; left out: nothing does */
export function createKeeping(deps: KeepingDeps, signal?: AbortSignal): Keeping {
  return {
    rekeyBackup: (caller, input, origin) => rekeyBackup(deps, caller, input, origin),
    importBackup: (caller, input, origin) => importBackup(deps, caller, input, origin, signal),
    scanStores: (caller, stores, origin) => scanStores(deps, caller, stores, origin, signal),
  };
}
