// A proposal for the person at the terminal: its entities as a table, and what is left out.
import { tableLabel } from "../../core/catalog.ts";
import type { Proposal, ProposedEntity } from "../../proposal/propose.ts";
import { formatBytes, formatCount, formatQuantity } from "../terminal/format.ts";
import { renderTable } from "../terminal/table.ts";

/** More than that of one reason, nobody reads one by one; the file has them all. */
const LEFT_OUT_OF_A_REASON = 5;
const TABLES_OF_AN_ENTITY = 4;

export function describeProposal({ groups, leftOut }: Proposal): string {
  const rows = groups.flatMap((group) =>
    group.entities.map((entity, at) => [at === 0 ? group.name : "", ...cellsOf(entity)]),
  );
  const table = renderTable(
    [
      ...[{ title: "group" }, { title: "entity" }, { title: "tables" }],
      ...[
        { title: "rows", align: "right" } as const,
        { title: "size", align: "right" } as const,
        { title: "" },
      ],
    ],
    rows,
  );
  const remarks = groups.flatMap((group) => group.entities.flatMap((entity) => entity.remarks));
  return [
    ...(rows.length === 0 ? [] : [table]),
    ...(remarks.length === 0 ? [] : ["", ...remarks.map((remark) => `note: ${remark}`)]),
    ...describeLeftOut(leftOut),
  ].join("\n");
}

function cellsOf(entity: ProposedEntity): string[] {
  const { tables } = entity;
  const names = tables.slice(0, TABLES_OF_AN_ENTITY).map((table) => table.name);
  const more = tables.length - names.length;
  const counts = tables.map((table) => table.estimatedRows).filter((rows) => rows !== null);
  return [
    entity.name,
    [...names, ...(more > 0 ? [`and ${more} more`] : [])].join(", "),
    counts.length === 0 ? "?" : formatCount(counts.reduce((sum, rows) => sum + rows, 0)),
    formatBytes(tables.reduce((sum, table) => sum + table.sizeBytes, 0)),
    entity.optInBecause === null ? "" : "opt-in",
  ];
}

function describeLeftOut(leftOut: Proposal["leftOut"]): string[] {
  if (leftOut.length === 0) return [];
  const lines = [...Map.groupBy(leftOut, (table) => table.reason)].flatMap(([reason, tables]) => {
    const shown = tables.slice(0, LEFT_OUT_OF_A_REASON).map((table) => `  ${tableLabel(table)} ${reason}`);
    const more = tables.length - shown.length;
    return more > 0 ? [...shown, `  and ${formatQuantity(more, "other")} likewise`] : shown;
  });
  return ["", "Not backed up:", ...lines];
}
