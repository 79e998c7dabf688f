// The stores: whether each takes a small object, gives it back and lets it go.
import { statfs } from "node:fs/promises";
import { formatStore } from "./words.ts";
import type { StoreDeclaration } from "../core/store-declaration.ts";
import { openStores } from "../runtime/open-stores.ts";
import type { Surroundings } from "../store/open.ts";
import { probeStore } from "../store/probe.ts";
import { ok, warning, type Finding } from "./finding.ts";

const LITTLE_BYTES = 1_000_000_000;

/** @throws HoldfastError STORE_FAILED, CONFIG_INVALID */
export async function checkStore(
  name: string,
  declaration: StoreDeclaration,
  surroundings: Surroundings,
  signal: AbortSignal,
): Promise<Finding[]> {
  await using opened = new AsyncDisposableStack();
  const stores = await openStores(new Map([[name, declaration]]), opened, surroundings);
  for (const store of stores.values()) await probeStore(store, signal);
  const area = `store ${name}`;
  const done = ok(area, `${formatStore(declaration)} takes, gives back and deletes`);
  return declaration.kind === "fs" ? [done, ...(await checkSpace(area, declaration.directory))] : [done];
}

async function checkSpace(area: string, directory: string): Promise<Finding[]> {
  const { bavail, bsize } = await statfs(directory);
  const freeBytes = bavail * bsize;
  if (freeBytes >= LITTLE_BYTES) return [];
  return [warning(area, `${Math.floor(freeBytes / 1e6)} MB are left in ${directory}`)];
}
