// Lists a server's stores, and has it try them.
import { HoldfastError } from "../../core/errors.ts";
import { openApi } from "../client/api.ts";
import { CHECK_STORE, STORES } from "../client/listings.ts";
import { printResult } from "../report.ts";
import type { ApiOptions } from "../server-options.ts";
import { renderTable } from "../terminal/table.ts";

export async function listStores(options: ApiOptions, signal: AbortSignal): Promise<void> {
  const { stores } = await (await openApi(options, signal)).execute(STORES, {});
  printResult(options, stores, () =>
    renderTable(
      [{ title: "store" }, { title: "kind" }, { title: "default" }, { title: "where" }],
      stores.map((store) => [store.name, store.kind, store.default ? "yes" : "·", store.place ?? "·"]),
    ),
  );
}

/**
 * Has the server put, list, read and delete something in each of the stores.
 * @param names none: all of them
 * @throws HoldfastError STORE_FAILED, after all were tried and their results printed, where any has failed
 */
export async function checkStores(
  names: readonly string[],
  options: ApiOptions,
  signal: AbortSignal,
): Promise<void> {
  const api = await openApi(options, signal);
  const chosen = names.length > 0 ? names : (await api.execute(STORES, {})).stores.map(({ name }) => name);
  const results = await Promise.all(
    chosen.map(async (store) => ({ store, ...(await api.execute(CHECK_STORE, { name: store })).checkStore })),
  );
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
