// Acts on backups that are kept, put together for whoever serves clients.
import type { Keeping } from "../runs/keeping.ts";
import type { KeepingDeps } from "./deps.ts";
import { importBackup } from "./import-backup.ts";
import { rekeyBackup } from "./rekey-backup.ts";
import { scanStores } from "./scan-stores.ts";

export function createKeeping(deps: KeepingDeps): Keeping {
  return {
    rekeyBackup: (caller, input, origin) => rekeyBackup(deps, caller, input, origin),
    importBackup: (caller, input, origin) => importBackup(deps, caller, input, origin),
    scanStores: (caller, stores, origin) => scanStores(deps, caller, stores, origin),
  };
}
