// A worker process for tests: the real carriage, queue and ledger around acts that pretend. What it logs goes to
// standard output, one JSON object a line.
import { randomUUID } from "node:crypto";
import { pino } from "pino";
import { identifyInstallation, openLedger } from "../../src/ledger/connect.ts";
import { watchRuns } from "../../src/ledger/watch.ts";
import { deriveKey } from "../../src/codec/seal.ts";
import { openQueue } from "../../src/queue/queue.ts";
import { fsStore } from "../../src/store/fs.ts";
import { deleteFrom } from "../../src/engine/artifact-stores.ts";
import { processRun } from "../../workers/process-run.ts";
import { startWorkers } from "../../workers/start.ts";
import { pretend } from "./carriage-fixture.ts";

const [databaseUrl = "", directory = "", concurrency = "1"] = process.argv.slice(2);

const log = pino({ level: "debug" });
const ledger = openLedger(databaseUrl);
const namespace = await identifyInstallation(ledger);
const queue = await openQueue({ redisUrl: process.env["REDIS_URL"], databaseUrl, namespace, log });
const watcher = await watchRuns(ledger, (error) => log.error({ err: error }, "could not be read"));
const store = fsStore({ directory });
const deps = {
  ledger,
  queue,
  watcher,
  secretKey: deriveKey("a secret of the tests' own, and long", "run secrets"),
  log,
};
const stores = new Map([["local", store]]);
const processors = {
  BACKUP: processRun(deps, "BACKUP", {
    async act({ run, number, control, note }) {
      if (run.unfinishedId !== null) await deleteFrom(stores, ["local"], run.unfinishedId);
      const id = randomUUID();
      await note(id);
      try {
        await store.put(`${id}/holdfast.json`, Buffer.from("begun"));
        await pretend(run.request.label, number, control);
        await store.put(`${id}/index.json`, Buffer.from("finished"));
      } catch (error) {
        await deleteFrom(stores, ["local"], id);
        throw error;
      }
      const nothing = { sizeBytes: 0, rawBytes: 0, rows: 0, contents: [] };
      return {
        artifact: { id, encryption: run.request.encryption, stores: ["local"], ...nothing },
        retract: () => deleteFrom(stores, ["local"], id),
      };
    },
    discard: (_, id) => deleteFrom(stores, ["local"], id),
  }),
};
const workers = await startWorkers(deps, processors, Number(concurrency));

process.once("SIGTERM", () => {
  void (async () => {
    await workers.close();
    await watcher.close();
    await queue.close();
    await ledger.close();
    log.info("closed");
  })();
});
log.info("ready");
