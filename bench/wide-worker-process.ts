// A worker as `holdfast worker` starts it, on the bench's PostgreSQL and a Redis: for runs that several of them share.
import { mkdir } from "node:fs/promises";
import { pino } from "pino";
import { deriveKey } from "../src/codec/seal.ts";
import { installationSigner } from "../src/codec/signature.ts";
import { identifyInstallation, openLedger } from "../src/ledger/connect.ts";
import { watchRuns } from "../src/ledger/watch.ts";
import { openQueue } from "../src/queue/queue.ts";
import { fsStore } from "../src/store/fs.ts";
import { backupHandler } from "../workers/backup.ts";
import { joinCompany } from "../workers/company.ts";
import { restoreHandler } from "../workers/restore.ts";
import { startWorkers } from "../workers/start.ts";
import { benchCatalog } from "./tables.ts";

export interface WorkerOrder {
  /** Of the database that is backed up. */
  readonly benchUrl: string;
  /** Of Holdfast's own. */
  readonly ownUrl: string;
  readonly redisUrl: string;
  /** Of the store that all workers share. */
  readonly directory: string;
  /** Of a run of this one, and of others' pieces. */
  readonly connections: number;
  /** Left out: as for everybody. */
  readonly pieceBytes?: number | undefined;
}

const SECRET = "a secret of the bench's own, and long";

async function start(order: WorkerOrder): Promise<() => Promise<void>> {
  const { benchUrl, ownUrl, redisUrl, directory, connections, pieceBytes } = order;
  await mkdir(directory, { recursive: true });
  const log = pino({ level: "warn" }, pino.destination(2));
  const ledger = openLedger(ownUrl);
  const namespace = await identifyInstallation(ledger);
  const queue = await openQueue({ redisUrl, databaseUrl: ownUrl, namespace, log });
  const watcher = await watchRuns(ledger);
  const own = {
    ...{ ledger, queue, watcher, connections, log },
    catalog: benchCatalog,
    stores: new Map([["local", fsStore({ directory })]]),
    databaseUrl: () => benchUrl,
    secretKey: deriveKey(SECRET, "run secrets"),
    signer: installationSigner(SECRET),
  };
  const company = await joinCompany(own, { places: connections, fromBytes: 0, pieceBytes });
  const deps = { ...own, company };
  const workers = await startWorkers(deps, { BACKUP: backupHandler(deps), RESTORE: restoreHandler(deps) }, 1);
  return async () => {
    for (const opened of [workers, company, watcher, queue, ledger]) await opened.close();
  };
}

process.once("message", (order: WorkerOrder) => {
  void (async () => {
    const close = await start(order);
    process.once("disconnect", () => void close());
    process.send?.("started");
  })();
});
process.send?.("ready");
