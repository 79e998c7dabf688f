// The stores that are declared, opened.
import { HoldfastError, isHoldfastError } from "../core/errors.ts";
import type { StoreDeclaration } from "../core/store-declaration.ts";
import { openStore, type Surroundings } from "../store/open.ts";
import type { Store } from "../store/store.ts";
import { tracedStore } from "../store/traced.ts";
import { isTracing } from "../telemetry/spans.ts";

/**
 * @param opened closes them
 * @throws HoldfastError CONFIG_INVALID that names the store
 */
export async function openStores(
  declared: ReadonlyMap<string, StoreDeclaration>,
  opened: AsyncDisposableStack,
  surroundings: Surroundings = {},
): Promise<Map<string, Store>> {
  const stores = new Map<string, Store>();
  for (const [name, declaration] of declared) {
    const store = await openStore(declaration, surroundings).catch((error: unknown) => {
      if (!isHoldfastError(error)) throw error;
      throw new HoldfastError(error.code, `stores.${name}: ${error.message}`, { hint: error.hint });
    });
    opened.defer(() => store.close());
    stores.set(name, isTracing() ? tracedStore(name, store) : store);
  }
  return stores;
}
