// All restores and previews: newest first, in pages.
import { useQuery } from "urql";
import { Link } from "wouter";
import { nameOf } from "../backups/backup-table.tsx";
import type { RestoreRun } from "../graphql/fragments.ts";
import { Failure } from "../parts/failure.tsx";
import { formatCount } from "../parts/format.ts";
import { Loading } from "../parts/loading.tsx";
import { Age } from "../parts/moment.tsx";
import { Page } from "../parts/page.tsx";
import { Pager, usePaging } from "../parts/pager.tsx";
import { Duration, EntityNames } from "../parts/run-time.tsx";
import { StatusTag } from "../parts/status-tag.tsx";
import { totalsOf } from "./changes.ts";
import { RESTORES } from "./documents.ts";
import { modeLabel } from "./modes.ts";

const PAGE_SIZE = 20;

export default function RestoresPage() {
  const paging = usePaging();
  const [{ data, error, fetching }] = useQuery({
    query: RESTORES,
    variables: { first: PAGE_SIZE, after: paging.after },
  });
  const restores = data?.restores;
  return (
    <Page
      title="Restores"
      about="What was put back, and what was only looked at. A restore begins at the backup that it draws from."
      actions={
        <Link href="/backups?status=SUCCEEDED" className="button primary">
          Choose a backup
        </Link>
      }
    >
      {error !== undefined && <Failure error={error} />}
      {restores === undefined && fetching && <Loading what="restores" />}
      {restores !== undefined && restores.edges.length === 0 && (
        <div className="empty">
          <p>Nothing has been restored yet.</p>
        </div>
      )}
      {restores !== undefined && restores.edges.length > 0 && (
        <>
          <div className="table-box">
            <table className="folds">
              <thead>
                <tr>
                  <th scope="col">Restore</th>
                  <th scope="col">Status</th>
                  <th scope="col">Entities</th>
                  <th scope="col" className="number">
                    Changed rows
                  </th>
                  <th scope="col" className="number">
                    Took
                  </th>
                </tr>
              </thead>
              <tbody>
                {restores.edges.map(({ node }) => (
                  <RestoreRow key={node.id} restore={node} />
                ))}
              </tbody>
            </table>
          </div>
          <Pager paging={paging} pageInfo={restores.pageInfo} total={`${restores.totalCount} in all`} />
        </>
      )}
    </Page>
  );
}

function RestoreRow({ restore }: { readonly restore: RestoreRun }) {
  const { inserted, updated, deleted } = totalsOf(restore.changes);
  return (
    <tr className="link">
      <th scope="row">
        <Link href={`/restores/${restore.id}`} className="break">
          {restore.dryRun ? "Preview" : modeLabel(restore.mode)} of {nameOf(restore.backup)}
        </Link>
        <div className="small muted">
          <Age at={restore.createdAt} />
          {restore.selectedRows !== null && " · some rows"}
          {restore.dryRun && ` · ${modeLabel(restore.mode)}, nothing was changed`}
        </div>
      </th>
      <td>
        <StatusTag status={restore.status} />
      </td>
      <td className="whole">
        <EntityNames names={restore.entities} />
      </td>
      <td className="number" data-label="Changed rows">
        {restore.status === "SUCCEEDED" ? formatCount(inserted + updated + deleted) : "–"}
      </td>
      <td className="number" data-label="Took">
        <Duration run={restore} />
      </td>
    </tr>
  );
}
