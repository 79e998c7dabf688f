// A backup as a schedule has it.
import { randomUUID } from "node:crypto";
import { selectEntities, type Catalog } from "../core/catalog.ts";
import type { Schedule } from "../ledger/schedules.ts";
import type { Submission } from "./submit.ts";

/** The entities that a schedule selects, in the catalog's order; of those that the catalog still knows. */
export function scheduledEntities(catalog: Catalog, { selection }: Pick<Schedule, "selection">): string[] {
  const knownGroups = new Set(catalog.groups.map(({ name }) => name));
  const entities = selection.entities?.filter((name) => catalog.entities.has(name));
  const include = selection.include?.filter((name) => catalog.entities.has(name));
  const groups = selection.groups?.filter((name) => knownGroups.has(name));
  try {
    return selectEntities(catalog, { entities, include, groups }).map(({ name }) => name);
  } catch {
    return [];
  }
}

/**
 * A backup as the schedule has it.
 * @throws HoldfastError BAD_INPUT for a selection that the catalog does not know any more
 */
export function scheduledBackup(catalog: Catalog, schedule: Schedule): Submission {
  const { id, recipients, stores, selection } = schedule;
  return {
    id: randomUUID(),
    kind: "BACKUP",
    entities: selectEntities(catalog, selection).map(({ name }) => name),
    request: {
      ...{ label: null, recipients, stores },
      encryption: recipients.length === 0 ? "NONE" : "RECIPIENTS",
    },
    scheduleId: id,
  };
}
