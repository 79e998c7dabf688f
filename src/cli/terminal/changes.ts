// What a restore does, or would do, as a table.
import type { TableChanges } from "../../core/run.ts";
import { formatCount, formatQuantity } from "./format.ts";
import { renderTable } from "./table.ts";

const COUNTS = ["inserted", "updated", "unchanged", "deleted"] as const;

export function renderChanges(changes: readonly TableChanges[]): string {
  return renderTable(
    [{ title: "entity" }, { title: "table" }, ...COUNTS.map((title) => ({ title, align: "right" as const }))],
    changes.map((change) => [
      change.entity,
      change.table,
      ...COUNTS.map((count) => (change[count] === 0 ? "·" : formatCount(change[count]))),
    ]),
  );
}

/** `12 rows inserted, 3 updated, 0 deleted; 400 are as they were` */
export function summariseChanges(changes: readonly TableChanges[]): string {
  const [inserted = 0, updated = 0, unchanged = 0, deleted = 0] = COUNTS.map((count) =>
    changes.reduce((sum, change) => sum + change[count], 0),
  );
  return (
    `${formatQuantity(inserted, "row")} inserted, ${formatCount(updated)} updated, ` +
    `${formatCount(deleted)} deleted; ${formatCount(unchanged)} as they were`
  );
}
