// What a restore changes, or would change, table by table; beside it, where there is one, what its preview had said.
import { Fragment } from "react";
import type { RestoreRun } from "../graphql/fragments.ts";
import { useEntityLabel } from "../parts/catalog.ts";
import { formatCount, humanise } from "../parts/format.ts";
import { COUNTS, totalsOf, type Changes } from "./changes.ts";
import styles from "./changes-table.module.css";

export interface ChangesTableProps {
  readonly caption: string;
  readonly changes: Changes;
  /** What the preview counted. */
  readonly previewed?: Changes;
}

export function ChangesTable({ caption, changes, previewed }: ChangesTableProps) {
  const labelOf = useEntityLabel();
  const totals = totalsOf(changes);
  const previewedTotals = previewed && totalsOf(previewed);
  return (
    <div className="table-box">
      <table className="folds">
        <caption className="visually-hidden">{caption}</caption>
        <thead>
          <tr>
            <th scope="col">Table</th>
            {COUNTS.map((count) => (
              <th key={count} scope="col" className="number">
                {humanise(count)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {[...Map.groupBy(changes, ({ entity }) => entity)].map(([entity, tables]) => (
            <Fragment key={entity}>
              <tr className={styles["entity"]}>
                <th scope="rowgroup" colSpan={5}>
                  {labelOf(entity)}
                </th>
              </tr>
              {tables.map((change) => (
                <tr key={change.table}>
                  <th scope="row" className="whole">
                    <code>{change.table}</code>
                  </th>
                  {COUNTS.map((count) => (
                    <Count
                      key={count}
                      name={count}
                      value={change[count]}
                      previewed={previewed?.find(({ table }) => table === change.table)?.[count]}
                    />
                  ))}
                </tr>
              ))}
            </Fragment>
          ))}
        </tbody>
        <tfoot>
          <tr>
            <th scope="row" className="whole">
              All
            </th>
            {COUNTS.map((count) => (
              <Count key={count} name={count} value={totals[count]} previewed={previewedTotals?.[count]} />
            ))}
          </tr>
        </tfoot>
      </table>
    </div>
  );
}

const TONES: Readonly<Record<string, string | undefined>> = {
  inserted: styles["inserted"],
  updated: styles["updated"],
  deleted: styles["deleted"],
};

interface CountProps {
  readonly name: keyof Changes[number] & (typeof COUNTS)[number];
  readonly value: number;
  readonly previewed: number | undefined;
}

function Count({ name, value, previewed }: CountProps) {
  return (
    <td className={value === 0 ? "number zero" : `number ${TONES[name] ?? ""}`} data-label={humanise(name)}>
      {formatCount(value)}
      {previewed !== undefined && (
        <span className={styles["previewed"]}>
          {previewed === value ? "as previewed" : `preview: ${formatCount(previewed)}`}
        </span>
      )}
    </td>
  );
}

export function changesOf(run: RestoreRun | undefined | null): Changes | undefined {
  return run?.status === "SUCCEEDED" ? run.changes : undefined;
}
