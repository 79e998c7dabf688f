// What a backup holds, table by table.
import type { BackupRun } from "../graphql/fragments.ts";
import { useEntityLabel } from "../parts/catalog.ts";
import { formatBytes, formatCount } from "../parts/format.ts";

export function ContentsTable({ contents }: { readonly contents: BackupRun["contents"] }) {
  const labelOf = useEntityLabel();
  return (
    <div className="table-box">
      <table className="folds">
        <thead>
          <tr>
            <th scope="col">Entity</th>
            <th scope="col">Table</th>
            <th scope="col" className="number">
              Rows
            </th>
            <th scope="col" className="number">
              As text
            </th>
          </tr>
        </thead>
        <tbody>
          {contents.map(({ entity, table, rows, rawBytes }) => (
            <tr key={table}>
              <th scope="row">{labelOf(entity)}</th>
              <td>
                <code>{table}</code>
              </td>
              <td className="number" data-label="Rows">
                {formatCount(rows)}
              </td>
              <td className="number" data-label="As text">
                {formatBytes(rawBytes)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
