// Lists a server's stores.
import { openApi } from "../client/api.ts";
import { STORES } from "../client/listings.ts";
import { printResult } from "../report.ts";
import type { ApiOptions } from "../server-options.ts";
import { renderTable } from "../terminal/table.ts";

export async function listStores(options: ApiOptions, signal: AbortSignal): Promise<void> {
  const { stores } = await (await openApi(options, signal)).execute(STORES, {});
  printResult(options, stores, () =>
    renderTable(
      [{ title: "store" }, { title: "kind" }, { title: "default" }],
      stores.map((store) => [store.name, store.kind, store.default ? "yes" : "·"]),
    ),
  );
}
