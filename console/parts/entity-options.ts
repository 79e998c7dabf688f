// What the catalog says of entities, as a choice of them shows it.
import type { Entity, Permission } from "../graphql/tada.ts";
import type { CatalogEntity, CatalogView } from "./catalog.ts";
import type { EntityOption } from "./entity-choice.tsx";
import { formatRows, listOf } from "./format.ts";

export function backupOptions({ groups, entities }: CatalogView): EntityOption[] {
  return groups.flatMap((group) =>
    group.entities.map((entity) => ({
      name: entity.name,
      label: entity.label,
      group: group.name,
      amount: entity.estimatedRows === null ? undefined : `about ${formatRows(entity.estimatedRows)}`,
      note: needsOf(entity, entities),
      optIn: entity.optIn,
      refusal: entity.readable ? undefined : refusal(entity.readPermissions),
    })),
  );
}

function needsOf({ dependsOn }: CatalogEntity, entities: CatalogView["entities"]): string | undefined {
  const needs = dependsOn.map((name) => entities.get(name)?.label ?? name);
  return needs.length === 0 ? undefined : `refers to ${listOf(needs)}`;
}

/** Said where something cannot be chosen for want of permissions. */
export function refusal(permissions: readonly Permission[]): string {
  return `You need ${permissions.join(" and ")}.`;
}

/** What the chosen refer to that is not chosen. */
export function missingNeeds(
  { entities }: CatalogView,
  chosen: ReadonlySet<Entity>,
): { readonly by: string; readonly needed: string[] }[] {
  return [...chosen].flatMap((name) => {
    const entity = entities.get(name);
    const needed = (entity?.dependsOn ?? []).filter((other) => !chosen.has(other));
    if (entity === undefined || needed.length === 0) return [];
    return [{ by: entity.label, needed: needed.map((other) => entities.get(other)?.label ?? other) }];
  });
}
