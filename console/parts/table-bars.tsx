// How far a run is with each table: a bar, and what is known of rows, bytes, rate and time left.
import type { TableProgress } from "../graphql/fragments.ts";
import { Bar } from "./bar.tsx";
import { useEntityLabel } from "./catalog.ts";
import { formatBytes, formatCount, formatLeft, formatRate } from "./format.ts";
import styles from "./table-bars.module.css";

export function TableBars({ tables }: { readonly tables: readonly TableProgress[] }) {
  if (tables.length === 0) return null;
  const done = tables.filter((table) => table.done).length;
  return (
    <div className="table-box">
      <table className={`folds ${styles["tables"]}`}>
        <caption>
          {formatCount(done)} of {formatCount(tables.length)} tables done
        </caption>
        <thead>
          <tr>
            <th scope="col">Table</th>
            <th scope="col">Progress</th>
            <th scope="col" className="number">
              Rows
            </th>
            <th scope="col" className="number">
              Bytes
            </th>
            <th scope="col" className="number">
              Rate
            </th>
            <th scope="col" className="number">
              Time left
            </th>
          </tr>
        </thead>
        <tbody>
          {tables.map((table) => (
            <TableRow key={`${table.entity} ${table.table}`} table={table} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function TableRow({ table: of }: { readonly table: TableProgress }) {
  const labelOf = useEntityLabel();
  const { entity, table, rows, rowsTotal, bytes, bytesTotal, rowsPerSecond, etaSeconds, done } = of;
  const percent = percentOf(of);
  const state = done ? "done" : rows + bytes === 0 ? "waiting" : `${Math.floor(percent)} %`;
  return (
    <tr>
      <th scope="row">
        {labelOf(entity)} <code className="muted break">{table}</code>
      </th>
      <td className={`whole ${styles["bar"]}`}>
        <Bar label={table} percent={percent} valueLabel={state} look={done ? "thin done" : "thin"} />
      </td>
      <td className="number" data-label="Rows">
        {formatCount(rows)}
        {!done && rowsTotal !== null && <span className="muted"> of {formatCount(rowsTotal)}</span>}
      </td>
      <td className="number" data-label="Bytes">
        {bytesTotal === null && bytes === 0 ? "–" : formatBytes(bytes)}
        {!done && bytesTotal !== null && <span className="muted"> of {formatBytes(bytesTotal)}</span>}
      </td>
      <td className="number" data-label="Rate">
        {formatRate(rowsPerSecond)}
      </td>
      <td className="number" data-label="Time left">
        {done ? "✓ done" : rows + bytes === 0 ? "waiting" : formatLeft(etaSeconds)}
      </td>
    </tr>
  );
}

function percentOf({ rows, rowsTotal, bytes, bytesTotal, done }: TableProgress): number {
  if (done) return 100;
  const part = bytesTotal ? bytes / bytesTotal : rowsTotal ? rows / rowsTotal : 0;
  return Math.min(100, part * 100);
}
