// What a caller may do to entities: the one place where permissions and the catalog meet.
import type { Account } from "../auth/caller.ts";
import { requirePermissions } from "../auth/permissions.ts";
import { entityNamed, permissionsFor, type Access, type Catalog } from "../core/catalog.ts";

/** Of an entity that the catalog does not know (any more), nobody may do anything. */
export function mayAccess(
  catalog: Catalog,
  caller: Account,
  entities: readonly string[],
  access: Access,
): boolean {
  return entities.every((name) => {
    const entity = catalog.entities.get(name);
    if (entity === undefined) return false;
    return permissionsFor([entity], access).every((needed) => caller.permissions.has(needed));
  });
}

/** @throws HoldfastError FORBIDDEN naming every permission that the caller lacks; BAD_INPUT for an unknown entity */
export function requireAccess(
  catalog: Catalog,
  caller: Account,
  entities: readonly string[],
  access: Access,
): void {
  const needed = permissionsFor(
    entities.map((name) => entityNamed(catalog, name)),
    access,
  );
  requirePermissions(caller, needed);
}

/** In the catalog's order. */
export function readableEntities(catalog: Catalog, caller: Account): string[] {
  return [...catalog.entities.keys()].filter((name) => mayAccess(catalog, caller, [name], "READ"));
}
