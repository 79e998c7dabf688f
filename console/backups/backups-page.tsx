// All backups: newest first, filtered, in pages. Deleted ones have a list of their own.
import { Link } from "wouter";
import { useQuery } from "urql";
import { useMay } from "../app/account-context.tsx";
import { Failure } from "../parts/failure.tsx";
import { Loading } from "../parts/loading.tsx";
import { Page } from "../parts/page.tsx";
import { Pager, usePaging } from "../parts/pager.tsx";
import { BackupFilters, isFiltered, useBackupFilter } from "./backup-filters.tsx";
import { BackupTable } from "./backup-table.tsx";
import { BACKUPS } from "./documents.ts";

const PAGE_SIZE = 20;

export default function BackupsPage() {
  const mayManage = useMay("MANAGE_BACKUPS");
  const { filter, set, change } = useBackupFilter();
  const paging = usePaging();
  const [{ data, error, fetching }] = useQuery({
    query: BACKUPS,
    variables: { first: PAGE_SIZE, after: paging.after, filter },
  });
  const choose: typeof change = (next) => {
    paging.reset();
    change(next);
  };
  const backups = data?.backups;
  return (
    <Page
      title="Backups"
      actions={
        <>
          {mayManage && (
            <Link href="/backups/import" className="button">
              Import…
            </Link>
          )}
          <Link href="/backups/new" className="button primary">
            New backup
          </Link>
        </>
      }
    >
      <BackupFilters
        set={set}
        onChange={choose}
        labels={backups?.edges.flatMap(({ node: { label } }) => label ?? [])}
      />
      {filter.deleted && (
        <p className="muted">
          Nothing of these can be restored any more: that they were made is all that is kept.
        </p>
      )}
      {error !== undefined && <Failure error={error} />}
      {backups === undefined && fetching && <Loading what="backups" />}
      {backups !== undefined && backups.edges.length === 0 && <NoBackups filtered={isFiltered(set)} />}
      {backups !== undefined && backups.edges.length > 0 && (
        <>
          <BackupTable backups={backups.edges.map(({ node }) => node)} />
          <Pager
            paging={paging}
            pageInfo={backups.pageInfo}
            total={`${backups.totalCount} ${backups.totalCount === 1 ? "backup" : "backups"}`}
          />
        </>
      )}
    </Page>
  );
}

function NoBackups({ filtered }: { readonly filtered: boolean }) {
  return (
    <div className="empty">
      <p>{filtered ? "No backup is like this." : "There is no backup yet."}</p>
      <Link href={filtered ? "/backups" : "/backups/new"}>
        {filtered ? "Show all" : "Make the first one"}
      </Link>
    </div>
  );
}
