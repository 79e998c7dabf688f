// What a phase that goes through tables of a manifest has to count: exactly what the manifest says.
import type { ManifestTable } from "../core/artifact.ts";
import { tableLabel } from "../core/catalog.ts";
import { sumUp, type PhaseTotals } from "../core/progress.ts";

export function totalsOf(tables: readonly ManifestTable[]): PhaseTotals {
  return sumUp(
    tables.map((table) => ({
      entity: table.entity,
      table: tableLabel(table),
      rows: table.rows,
      bytes: table.rawBytes,
    })),
    true,
  );
}
