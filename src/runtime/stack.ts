// A process that serves: the foundation, the first account, the API, and a worker unless it is told not to have one.
import path from "node:path";
import { ensureAdmin } from "../auth/admin.ts";
import { readConfiguration } from "../config/configuration.ts";
import type { Environment } from "../config/environment.ts";
import type { Configuration } from "../config/file/read.ts";
import type { HoldfastError } from "../core/errors.ts";
import { startMetricsServer } from "../http/metrics/server.ts";
import { createServer } from "../http/server.ts";
import { pino, type Logger } from "pino";
import { startReconciler } from "../../workers/reconcile.ts";
import { apiDepsOn } from "./api-deps.ts";
import { openFoundation, type Foundation } from "./foundation.ts";
import { startUpkeep } from "./upkeep.ts";
import { startOwnWorkers } from "./worker.ts";

export interface StackOptions {
  /** Left out: what the configuration file says that the environment names. */
  readonly configuration?: Configuration;
  /** Left out: nothing is logged. */
  readonly log?: Logger;
  /** false: the API alone; left out: with a worker. */
  readonly worker?: boolean;
  /** Runs that the worker works on at the same time. */
  readonly concurrency?: number;
  /** Told when a part that everything stands on is lost; what to do but to close and to end is not left. */
  readonly onLost?: (error: HoldfastError) => void;
}

export interface Stack {
  /** Of the API, without a slash at the end. */
  readonly url: string;
  /** Of the metrics on their own port; undefined: they have none. */
  readonly metricsUrl: string | undefined;
  readonly dataDir: string;
  /** Of Holdfast's own database; holds a password. */
  readonly databaseUrl: string;
  /** The first account's password, if it was made just now: the one chance to show it. */
  readonly adminPassword: string | undefined;
  /** Ends requests and gives runs back, then closes what they stood on. */
  close(): Promise<void>;
}

/** @throws HoldfastError as `openFoundation`, ADDRESS_UNAVAILABLE; then nothing is left open */
export async function startStack(environment: Environment, options: StackOptions): Promise<Stack> {
  const { log = pino({ level: "silent" }), onLost = () => undefined } = options;
  const configuration = options.configuration ?? (await readConfiguration(environment));
  await using opened = new AsyncDisposableStack();
  const foundation = opened.use(await openFoundation(environment, configuration, log, onLost));
  const { ledger, dataDir, ownDatabaseUrl } = foundation;
  const { madePassword } = await ensureAdmin(ledger, { password: environment.adminPassword });
  if (options.worker ?? true) {
    const workers = await startOwnWorkers(foundation, options.concurrency);
    opened.defer(() => workers.close());
  } else {
    const reconciler = startReconciler({ ...foundation, ledger: foundation.runLedger });
    opened.defer(() => reconciler.close());
  }
  const upkeep = await startUpkeep(foundation);
  opened.defer(() => upkeep.close());
  const server = await createServer(
    {
      ...apiDepsOn(foundation),
      spoolDirectory: path.join(dataDir, "uploads"),
      ...readinessOf(foundation),
    },
    {
      host: environment.host,
      port: environment.port,
      trustedProxies: environment.trustedProxies,
      introspection: environment.introspection,
    },
  );
  opened.defer(() => server.close());
  const metricsPort = environment.metricsPort ?? configuration.metrics?.port;
  const metricsHost = environment.metricsHost ?? configuration.metrics?.host ?? "127.0.0.1";
  const metrics =
    metricsPort === undefined
      ? undefined
      : await startMetricsServer(foundation, { host: metricsHost, port: metricsPort });
  if (metrics !== undefined) opened.defer(() => metrics.close());

  const closing = opened.move();
  return {
    url: server.url,
    metricsUrl: metrics?.url,
    dataDir,
    databaseUrl: ownDatabaseUrl,
    adminPassword: madePassword ?? undefined,
    close: () => closing.disposeAsync(),
  };
}

function readinessOf({ ledger, queue, stores, defaultStores }: Foundation) {
  return {
    readiness: { database: async () => ledger.sql`SELECT 1`, queue: () => queue.counts() },
    storeReadiness: [...stores].map(([name, store]) => ({
      name,
      isDefault: defaultStores.includes(name),
      check: () => store.stat("readiness"),
    })),
  };
}
