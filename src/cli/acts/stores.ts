// Lists stores, and tries them: a server's, or those of the configuration, for which no database has to be there.
import { readConfiguration } from "../../config/configuration.ts";
import { readEnvironment, type Environment } from "../../config/environment.ts";
import { HoldfastError } from "../../core/errors.ts";
import { describeStores } from "../../runtime/api-deps.ts";
import { openStores } from "../../runtime/open-stores.ts";
import { probeStore } from "../../runs/stores.ts";
import { openServerApi } from "../client/api.ts";
import { connectionToAsk } from "../client/connection.ts";
import { CHECK_STORE, STORES, type ListedStore, type StoreHealth } from "../client/listings.ts";
import { printResult } from "../report.ts";
import type { ApiOptions } from "../server-options.ts";
import { renderTable } from "../terminal/table.ts";

export async function listStores(options: ApiOptions, signal: AbortSignal): Promise<void> {
  await using desk = await openDesk(options, signal);
  const stores = await desk.list();
  printResult(options, stores, () =>
    renderTable(
      [{ title: "store" }, { title: "kind" }, { title: "default" }, { title: "where" }],
      stores.map((store) => [store.name, store.kind, store.default ? "yes" : "·", store.place ?? "·"]),
    ),
  );
}

/**
 * Has something put, listed, read and deleted in each of the stores.
 * @param names none: all of them
 * @throws HoldfastError STORE_FAILED, after all were tried and their results printed, where any has failed
 */
export async function checkStores(
  names: readonly string[],
  options: ApiOptions,
  signal: AbortSignal,
): Promise<void> {
  await using desk = await openDesk(options, signal);
  const chosen = names.length > 0 ? names : (await desk.list()).map(({ name }) => name);
  const results = await Promise.all(chosen.map(async (store) => ({ store, ...(await desk.check(store)) })));
  printResult(options, results, () =>
    results
      .map(({ store, error }) =>
        error === null ? `${store}: takes, lists, gives back and deletes.` : `${store}: ${error.message}`,
      )
      .join("\n"),
  );
  const [first, ...others] = results.flatMap(({ store, error }) =>
    error === null ? [] : [{ store, error }],
  );
  if (first === undefined) return;
  const failed = [first, ...others].map(({ store }) => store).join(", ");
  const { hint } = first.error;
  throw new HoldfastError(
    "STORE_FAILED",
    `Not fit to take backups: ${failed}.`,
    hint === null ? {} : { hint },
  );
}

interface Desk extends AsyncDisposable {
  list(): Promise<readonly ListedStore[]>;
  check(name: string): Promise<StoreHealth>;
}

async function openDesk(options: ApiOptions, signal: AbortSignal): Promise<Desk> {
  const environment = readEnvironment(process.env);
  const connection = await connectionToAsk(options, environment);
  if (connection === undefined) return openDirectDesk(environment);
  const api = openServerApi(connection, signal);
  return {
    list: async () => (await api.execute(STORES, {})).stores,
    check: async (name) => (await api.execute(CHECK_STORE, { name })).checkStore,
    [Symbol.asyncDispose]: () => api[Symbol.asyncDispose](),
  };
}

async function openDirectDesk(environment: Environment): Promise<Desk> {
  const configuration = await readConfiguration(environment);
  await using opened = new AsyncDisposableStack();
  const { defaultStores } = configuration;
  const stores = describeStores({
    stores: await openStores(configuration.stores, opened, environment),
    defaultStores,
  });
  const closing = opened.move();
  return {
    list: async () =>
      stores.map(({ name, kind, isDefault, access }) => ({
        ...{ name, kind, default: isDefault, place: access?.place ?? null },
      })),
    check: (name) => probeStore({ stores }, name),
    [Symbol.asyncDispose]: () => closing.disposeAsync(),
  };
}
