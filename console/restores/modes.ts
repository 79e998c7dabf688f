// The three ways of restoring, as people say them.
import type { RestoreMode } from "../graphql/tada.ts";

export interface ModeView {
  readonly mode: RestoreMode;
  readonly label: string;
  readonly note: string;
}

export const MODES: readonly ModeView[] = [
  {
    mode: "MERGE",
    label: "Merge",
    note: "Puts back what the backup holds. Rows that came later stay.",
  },
  {
    mode: "INSERT_MISSING",
    label: "Insert what is missing",
    note: "Brings back rows that are gone. Changes none that are there.",
  },
  {
    mode: "REPLACE",
    label: "Replace",
    note: "Makes it exactly what the backup holds. Rows that came later are deleted.",
  },
];

export function modeLabel(mode: RestoreMode): string {
  return MODES.find((view) => view.mode === mode)?.label ?? mode;
}
