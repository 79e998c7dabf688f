// What a server stands on, for a command that has no server: the same database, stores and keys, and no queue.
import { randomBytes } from "node:crypto";
import path from "node:path";
import type { Logger } from "pino";
import { deriveKey } from "../../codec/seal.ts";
import { installationSigner } from "../../codec/signature.ts";
import { readConfiguration } from "../../config/configuration.ts";
import type { Environment } from "../../config/environment.ts";
import { ensureSecretKey, readSecretKey } from "../../config/secret-key.ts";
import { isHoldfastError, HoldfastError } from "../../core/errors.ts";
import { openLedger } from "../../ledger/connect.ts";
import { noteOwnKey } from "../../ledger/trusted-keys.ts";
import { watchRuns } from "../../ledger/watch.ts";
import { databaseUrls } from "../../runtime/database-urls.ts";
import type { Foundation } from "../../runtime/foundation.ts";
import { migrateOwnDatabase } from "../../runtime/migrate.ts";
import { openStores } from "../../runtime/open-stores.ts";
import { openExistingDatabase, openMigratedDatabase, type OwnDatabase } from "../../runtime/own-database.ts";
import { processorsOn } from "../../runtime/worker.ts";
import { deliveryHandler } from "../../../workers/delivery.ts";
import type { DirectNeed } from "../client/api-shape.ts";
import { createDirectQueue } from "./direct-queue.ts";

const ANY_SECRET_BYTES = 32;

/** @throws HoldfastError CONFIG_INVALID, EMBEDDED_IN_USE, EMBEDDED_FAILED, NOT_FOUND, DATABASE_UNREACHABLE; then nothing is left open */
export async function openDirectFoundation(
  environment: Environment,
  need: DirectNeed,
  log: Logger,
): Promise<Foundation> {
  const configuration = await readConfiguration(environment);
  const { catalog, defaultStores, notify, drillIdentityFile } = configuration;
  const makes = need === "made" || (need === "backup" && configuration.places.size > 0);
  await using opened = new AsyncDisposableStack();
  const { url } = opened.use(await openDatabase(environment, makes));
  const ledger = openLedger(url, { applicationName: "holdfast cli" });
  opened.defer(() => ledger.close());
  const queue = createDirectQueue((error) => log.debug({ err: error }, "something was not carried out"));
  const watcher = await watchRuns(ledger, (error) => log.warn({ err: error }, "runs could not be read"));
  opened.defer(() => watcher.close());
  const stores = await openStores(configuration.stores, opened, environment);
  opened.defer(() => queue.close());
  const keepsKey = need !== "there";
  const serverSecret = await secretOf(environment, keepsKey);
  const signer = installationSigner(serverSecret);
  // What is signed now is to be restored later.
  if (keepsKey) await noteOwnKey(ledger, signer.publicKey);

  const closing = opened.move();
  const foundation: Foundation = {
    dataDir: path.resolve(environment.dataDir),
    ownDatabaseUrl: url,
    embedded: environment.databaseUrl === undefined,
    ...{
      catalog,
      notify,
      drillIdentityFile,
      ledger,
      runLedger: ledger,
      queue,
      watcher,
      stores,
      defaultStores,
      serverSecret,
    },
    connections: environment.connections ?? configuration.connections,
    shareFromBytes: Infinity,
    sealKey: deriveKey(serverSecret, "run secrets"),
    signer,
    databaseUrl: databaseUrls(configuration, url),
    log,
    [Symbol.asyncDispose]: () => closing.disposeAsync(),
  };
  const { BACKUP, RESTORE, VERIFICATION } = processorsOn(foundation);
  queue.serve(
    { BACKUP: BACKUP.handle, RESTORE: RESTORE.handle, VERIFICATION: VERIFICATION.handle },
    deliveryHandler(foundation),
  );
  return foundation;
}

async function openDatabase(environment: Environment, makes: boolean): Promise<OwnDatabase> {
  try {
    if (makes) return await openMigratedDatabase(environment);
    const database = await openExistingDatabase(environment);
    try {
      await migrateOwnDatabase(database.url);
      return database;
    } catch (error) {
      await database[Symbol.asyncDispose]();
      throw error;
    }
  } catch (error) {
    if (!isHoldfastError(error, "EMBEDDED_IN_USE")) throw error;
    throw new HoldfastError("EMBEDDED_IN_USE", error.message, {
      hint: "A server that runs on it can be asked: --server URL. Or stop it first.",
      cause: error,
    });
  }
}

/** Looking at what is there makes no key; what is sealed with one that nobody keeps is opened by this very process. */
async function secretOf({ secretKey, dataDir }: Environment, makes: boolean): Promise<string> {
  if (secretKey !== undefined) return secretKey;
  if (makes) return ensureSecretKey(path.resolve(dataDir));
  return (await readSecretKey(path.resolve(dataDir))) ?? randomBytes(ANY_SECRET_BYTES).toString("base64url");
}
