// A worker process for tests of shared runs: everything is real, but pieces are small, and its store waits with parts for as long
// as there is a file of its name and ".hold" beside it. Given one, it takes another database for the protected one. What it logs goes to standard output, one JSON object a line.
import { existsSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { pino } from "pino";
import { deriveKey } from "../../src/codec/seal.ts";
import { installationSigner } from "../../src/codec/signature.ts";
import { identifyInstallation, openLedger } from "../../src/ledger/connect.ts";
import { watchRuns } from "../../src/ledger/watch.ts";
import { openQueue } from "../../src/queue/queue.ts";
import { fsStore } from "../../src/store/fs.ts";
import type { Store } from "../../src/store/store.ts";
import { backupHandler } from "../../workers/backup.ts";
import { joinCompany } from "../../workers/company.ts";
import { restoreHandler } from "../../workers/restore.ts";
import { startWorkers } from "../../workers/start.ts";
import { SECRET, sharedCatalog } from "./sharing-tables.ts";

const [databaseUrl = "", directory = "", , protectedUrl = databaseUrl] = process.argv.slice(2);
const hold = `${directory}.hold`;

function held(store: Store): Store {
  const wait = async (key: string, signal: AbortSignal | undefined): Promise<void> => {
    while (key.includes("/parts/") && existsSync(hold)) await delay(20, undefined, { signal });
  };
  return {
    ...store,
    async put(key, body, options) {
      await wait(key, options?.signal);
      return store.put(key, body, options);
    },
    async *get(key, options) {
      await wait(key, options?.signal);
      yield* store.get(key, options);
    },
  };
}

const log = pino({ level: "debug" });
const ledger = openLedger(databaseUrl);
const namespace = await identifyInstallation(ledger);
const queue = await openQueue({ redisUrl: process.env["REDIS_URL"], databaseUrl, namespace, log });
const watcher = await watchRuns(ledger, (error) => log.error({ err: error }, "could not be read"));
const own = {
  ledger,
  queue,
  watcher,
  catalog: sharedCatalog,
  stores: new Map([["local", held(fsStore({ directory }))]]),
  databaseUrl: () => protectedUrl,
  secretKey: deriveKey(SECRET, "run secrets"),
  signer: installationSigner(SECRET),
  connections: 1,
  log,
};
const company = await joinCompany(own, { places: 1, fromBytes: 0, pieceBytes: 64 * 1024 });
const deps = { ...own, company };
const workers = await startWorkers(deps, { BACKUP: backupHandler(deps), RESTORE: restoreHandler(deps) }, 1);

process.once("SIGTERM", () => {
  void (async () => {
    await workers.close();
    await company.close();
    await watcher.close();
    await queue.close();
    await ledger.close();
    log.info("closed");
  })();
});
log.info("ready");
