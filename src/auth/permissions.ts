// Permissions: what roles come to, and the one check that everything which is protected asks for.
import type { Catalog } from "../core/catalog.ts";
import { HoldfastError } from "../core/errors.ts";
import type { Account } from "./caller.ts";

/** In a role: every permission of the catalog, also those that a later configuration adds. */
export const EVERY_PERMISSION = "*";

/**
 * The catalog's permissions that any of the granted lists names, in the catalog's order. Names that the catalog does
 * not know (any more) grant nothing.
 */
export function resolvePermissions(catalog: Catalog, granted: Iterable<readonly string[]>): Set<string> {
  const names = new Set([...granted].flat());
  if (names.has(EVERY_PERMISSION)) return new Set(catalog.permissions);
  return new Set(catalog.permissions.filter((permission) => names.has(permission)));
}

/** @throws HoldfastError FORBIDDEN naming each permission that the caller lacks, also in `details.missing` */
export function requirePermissions(caller: Account, permissions: Iterable<string>): void {
  const missing = [...new Set(permissions)].filter((permission) => !caller.permissions.has(permission));
  if (missing.length === 0) return;
  throw new HoldfastError(
    "FORBIDDEN",
    `${caller.username} lacks the ${missing.length === 1 ? "permission" : "permissions"} ${missing.join(", ")}.`,
    { details: { missing } },
  );
}
