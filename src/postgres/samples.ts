// A few of the rows that a restore would change, for somebody who looks at a preview.
import { sql, type SQL } from "drizzle-orm";
import type { RowSample } from "../core/run.ts";
import { countOf, isAction, sameLiveRow, type Action, type TableDiff } from "./diff.ts";
import { liveOf, stagingOf, type RestoredTable } from "./restored-table.ts";
import { rowsDiffer } from "./row-difference.ts";
import type { Session } from "./session.ts";

const KINDS: readonly (readonly [RowSample["kind"], readonly Action[]])[] = [
  ["INSERTED", ["i"]],
  ["UPDATED", ["u", "r"]],
  ["DELETED", ["d"]],
];
/** Of a value; a row of a hundred columns is still read in one look. */
const CHARACTERS = 200;

/** @param rowsPerKind of rows that are inserted, updated and deleted each */
export async function sampleRows(
  session: Session,
  diff: TableDiff,
  rowsPerKind: number,
): Promise<RowSample[]> {
  const { table } = diff;
  const samples: RowSample[] = [];
  for (const [kind, actions] of KINDS) {
    if (countOf(diff, actions) === 0) continue;
    const rows = await session.rows<{ before: Texts; after: Texts; changed: readonly boolean[] }>(sql`
      SELECT ${kind === "INSERTED" ? sql`NULL::jsonb` : texts("live", table)} AS before,
        ${kind === "DELETED" ? sql`NULL::jsonb` : texts("staged", table)} AS after,
        ${kind === "UPDATED" ? differences(table) : sql`'[]'::jsonb`} AS changed
      FROM (SELECT * FROM ${diff.rows} AS diff WHERE ${isAction("diff", actions)}
        ORDER BY diff.staged, diff.live LIMIT ${sql.raw(String(rowsPerKind))}) AS diff
      LEFT JOIN ${stagingOf(table)} AS staged ON staged.ctid = diff.staged
      LEFT JOIN ${liveOf(table)} AS live ON ${sameLiveRow(table, "live", "diff")}
      ORDER BY diff.staged, diff.live`);
    for (const { before, after, changed } of rows) {
      const columns = table.columns.map((column, place) => ({
        column,
        before: before?.[place] ?? null,
        after: after?.[place] ?? null,
        changed: changed[place] ?? true,
      }));
      samples.push({ kind, columns });
    }
  }
  return samples;
}

/** null: there is no row. */
type Texts = readonly (string | null)[] | null;

function texts(alias: "live" | "staged", table: RestoredTable): SQL {
  const cut = sql.raw(String(CHARACTERS));
  const values = table.columns.map((column) => {
    const text = sql`${sql.identifier(alias)}.${sql.identifier(column)}::text`;
    return sql`left(${text}, ${cut}) || CASE WHEN length(${text}) > ${cut} THEN '…' ELSE '' END`;
  });
  return sql`to_jsonb(ARRAY[${sql.join(values, sql`, `)}]::text[])`;
}

function differences(table: RestoredTable): SQL {
  const tests = table.columns.map((column) => rowsDiffer(table, [column]));
  return sql`to_jsonb(ARRAY[${sql.join(tests, sql`, `)}]::bool[])`;
}
