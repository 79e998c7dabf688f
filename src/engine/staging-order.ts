// In which order tables are staged. Where only some rows of an entity are wanted, what belongs to them is known once they are there.
import type { ManifestTable } from "../core/artifact.ts";
import type { TableName } from "../core/catalog.ts";
import type { RowSelector } from "../core/row-selection.ts";
import type { ChosenTable, DatabaseChoice } from "./restore-choice.ts";

export interface WaveTable {
  readonly chosen: ChosenTable;
  /** Of an entity's first table: which of its rows are wanted; undefined, as `loaded` is: all of them. */
  readonly named?: readonly RowSelector[];
  /** Of another table of such an entity: the entity's tables that are there before it. */
  readonly loaded?: readonly TableName[];
}

/** Tables that can be loaded side by side, wave by wave. */
export function wavesOf({ tables, chosenRows }: DatabaseChoice): WaveTable[][] {
  const waves: WaveTable[][] = [[]];
  const add = (at: number, table: WaveTable): void => {
    (waves[at] ??= []).push(table);
  };
  const firsts = new Map(chosenRows.map(({ first, selectors }) => [keyOf(first), selectors]));
  for (const [, own] of Map.groupBy(tables, ({ table }) => table.entity)) {
    const first = own.find(({ table }) => firsts.has(keyOf(table)));
    const named = first && firsts.get(keyOf(first.table));
    if (first === undefined || named === undefined) {
      for (const chosen of own) add(0, { chosen });
      continue;
    }
    add(0, { chosen: first, named });
    const loaded = [first];
    let waiting = own.filter((chosen) => chosen !== first);
    for (let at = 1; waiting.length > 0; at += 1) {
      const ready = waiting.filter(({ table }) => !waiting.some((other) => refers(table, other.table)));
      // Tables that refer to each other in a circle wait for nobody.
      const next = ready.length > 0 ? ready : waiting;
      const before = loaded.map(({ table }) => table);
      for (const chosen of next) add(at, { chosen, loaded: before });
      loaded.push(...next);
      waiting = waiting.filter((chosen) => !next.includes(chosen));
    }
  }
  return waves;
}

const keyOf = ({ schema, name }: TableName): string => JSON.stringify([schema, name]);

/** To another table. */
function refers(table: ManifestTable, other: ManifestTable): boolean {
  return table !== other && table.foreignKeys.some((key) => keyOf(key.references) === keyOf(other));
}
