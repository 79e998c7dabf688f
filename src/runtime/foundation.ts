// What every process of Holdfast stands on, server and worker alike: the database (an embedded one where none is
// named), its tables, the queue, the stores and the keys. Opened in order, closed in the opposite order.
import path from "node:path";
import type { Logger } from "pino";
import { deriveKey, type SecretKey } from "../codec/seal.ts";
import { installationSigner, type Signer } from "../codec/signature.ts";
import type { Environment } from "../config/environment.ts";
import type { Configuration } from "../config/file/read.ts";
import { ensureSecretKey } from "../config/secret-key.ts";
import { OWN_DATABASE, type Catalog } from "../core/catalog.ts";
import type { HoldfastError } from "../core/errors.ts";
import { startEmbedded } from "../embedded/embedded.ts";
import { identifyInstallation, openLedger, type Ledger } from "../ledger/connect.ts";
import { noteOwnKey } from "../ledger/trusted-keys.ts";
import { watchRuns, type RunWatcher } from "../ledger/watch.ts";
import { openQueue, type RunQueue } from "../queue/queue.ts";
import type { Store } from "../store/store.ts";
import { isTracing } from "../telemetry/spans.ts";
import { checkTables } from "./check-tables.ts";
import { databaseUrls } from "./database-urls.ts";
import { migrateOwnDatabase } from "./migrate.ts";
import { openStores } from "./open-stores.ts";

export interface Foundation extends AsyncDisposable {
  readonly dataDir: string;
  /** Of Holdfast's own database; holds a password, so not for logs. */
  readonly ownDatabaseUrl: string;
  /** Whether Holdfast's own database is the embedded one. */
  readonly embedded: boolean;
  readonly catalog: Catalog;
  /** Who is told what. */
  readonly notify: Configuration["notify"];
  /** The identity for drills that nobody attends; undefined: there is none. */
  readonly drillIdentityFile: string | undefined;
  /** That copy or load at the same time, for each database and run; undefined: by the machine's cores. */
  readonly connections: number | undefined;
  /** How large a run is that workers share; Infinity: none is. */
  readonly shareFromBytes: number;
  readonly ledger: Ledger;
  /**
   * The same over connections of its own, for what carries and watches runs: no crowd of requests keeps a worker from showing
   * signs of life, or anybody from seeing how far a run is.
   */
  readonly runLedger: Ledger;
  readonly queue: RunQueue;
  readonly watcher: RunWatcher;
  readonly stores: ReadonlyMap<string, Store>;
  /** Where a backup goes that names no stores. */
  readonly defaultStores: readonly string[];
  /** As it was configured or made; sessions and sealed secrets have keys derived from it. */
  readonly serverSecret: string;
  readonly sealKey: SecretKey;
  /** Signs the backups of this installation. */
  readonly signer: Signer;
  /** @throws HoldfastError CONFIG_INVALID for a name that no database has */
  readonly databaseUrl: (name: string) => string;
  readonly log: Logger;
}

/**
 * The databases that the configuration names are asked first whether they have what it says.
 * @param onLost told when the embedded database ends though nobody has asked it to
 * @throws HoldfastError CONFIG_INVALID, EMBEDDED_IN_USE, DATABASE_UNREACHABLE, QUEUE_UNREACHABLE, ...; then nothing is left open
 */
export async function openFoundation(
  environment: Environment,
  configuration: Configuration,
  log: Logger,
  onLost: (error: HoldfastError) => void,
): Promise<Foundation> {
  const { catalog, defaultStores, notify, drillIdentityFile } = configuration;
  const check = async (urls: ReadonlyMap<string, string>): Promise<void> => {
    for (const warning of await checkTables(configuration, urls))
      log.warn({ part: "configuration" }, warning);
  };
  await check(configuration.databaseUrls);
  await using opened = new AsyncDisposableStack();
  const dataDir = path.resolve(environment.dataDir);
  const serverSecret = environment.secretKey ?? (await ensureSecretKey(dataDir));
  const ownDatabaseUrl = environment.databaseUrl ?? (await startOwnDatabase(dataDir, log, opened, onLost));
  await migrateOwnDatabase(ownDatabaseUrl);
  await check(new Map([[OWN_DATABASE, ownDatabaseUrl]]));
  const ledger = openLedger(ownDatabaseUrl);
  opened.defer(() => ledger.close());
  const runLedger = openLedger(ownDatabaseUrl, { maxConnections: 4 });
  opened.defer(() => runLedger.close());
  const signer = installationSigner(serverSecret);
  await noteOwnKey(ledger, signer.publicKey);
  const namespace = await identifyInstallation(ledger);
  const queue = await openQueue({
    redisUrl: environment.redisUrl,
    databaseUrl: ownDatabaseUrl,
    namespace,
    telemetry: isTracing() ? (await import("../queue/telemetry.ts")).queueTelemetry() : undefined,
    log: log.child({ part: "queue" }),
  });
  opened.defer(() => queue.close());
  const watcher = await watchRuns(runLedger, (error) => log.warn({ err: error }, "runs could not be read"));
  opened.defer(() => watcher.close());
  const stores = await openStores(configuration.stores, opened, environment);

  const closing = opened.move();
  return {
    dataDir,
    ownDatabaseUrl,
    embedded: environment.databaseUrl === undefined,
    catalog,
    notify,
    drillIdentityFile,
    connections: environment.connections ?? configuration.connections,
    shareFromBytes: sizeToShareFrom(environment.shareFromBytes ?? configuration.shareFromBytes),
    ledger,
    runLedger,
    queue,
    watcher,
    stores,
    defaultStores,
    serverSecret,
    sealKey: deriveKey(serverSecret, "run secrets"),
    signer,
    databaseUrl: databaseUrls(configuration, ownDatabaseUrl),
    log,
    [Symbol.asyncDispose]: () => closing.disposeAsync(),
  };
}

/** Some three seconds of work: less is done by one worker before the others have begun. */
const SHARE_FROM_BYTES = 512 * 1024 * 1024;

function sizeToShareFrom(setting: number | "off" | undefined): number {
  return setting === "off" ? Infinity : (setting ?? SHARE_FROM_BYTES);
}

async function startOwnDatabase(
  dataDir: string,
  log: Logger,
  opened: AsyncDisposableStack,
  onLost: (error: HoldfastError) => void,
): Promise<string> {
  const server = await startEmbedded({
    dataDir,
    log: (line) => log.debug({ part: "postgres" }, line),
    onLost,
  });
  opened.defer(() => server.stop());
  return server.url;
}
