// Things as findings name them.
import type { StoreDeclaration } from "../core/store-declaration.ts";

export function formatStore(declaration: StoreDeclaration): string {
  if (declaration.kind === "fs") return declaration.directory;
  if (declaration.kind === "sftp") return `${declaration.host}:${declaration.directory}`;
  return `the bucket ${declaration.bucket}`;
}

/** `6.2.14` against `6.2`: whether it is at least that. */
export function isAtLeast(version: string, least: string): boolean {
  const [has, needs] = [version, least].map((text) => text.split(".").map(Number));
  for (const [at, number] of (needs ?? []).entries()) {
    const own = has?.[at] ?? 0;
    if (own !== number) return own > number;
  }
  return true;
}
