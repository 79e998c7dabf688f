// Adding up what a restore changes, and saying it.
import type { RestoreRun } from "../graphql/fragments.ts";
import { formatCount, listOf } from "../parts/format.ts";

export type Changes = RestoreRun["changes"];
export const COUNTS = ["inserted", "updated", "unchanged", "deleted"] as const;
export type Totals = Readonly<Record<(typeof COUNTS)[number], number>>;

export function totalsOf(changes: Changes): Totals {
  const sum = (count: (typeof COUNTS)[number]): number =>
    changes.reduce((all, change) => all + change[count], 0);
  return {
    inserted: sum("inserted"),
    updated: sum("updated"),
    unchanged: sum("unchanged"),
    deleted: sum("deleted"),
  };
}

/** "Insert 328, update 185 and delete 3 rows"; undefined where there is nothing to do. */
export function deedOf({ inserted, updated, deleted }: Totals): string | undefined {
  const deeds = [
    ...(inserted > 0 ? [`insert ${formatCount(inserted)}`] : []),
    ...(updated > 0 ? [`update ${formatCount(updated)}`] : []),
    ...(deleted > 0 ? [`delete ${formatCount(deleted)}`] : []),
  ];
  if (deeds.length === 0) return undefined;
  const text = listOf(deeds);
  const noun = inserted + updated + deleted === 1 ? "row" : "rows";
  return `${text.charAt(0).toUpperCase()}${text.slice(1)} ${noun}`;
}
