// All backups: newest first, filtered, in pages.
import { Input, Label, TextField } from "react-aria-components";
import { Link } from "wouter";
import { useQuery } from "urql";
import { Failure } from "../parts/failure.tsx";
import { Loading } from "../parts/loading.tsx";
import { Page } from "../parts/page.tsx";
import { Pager, usePaging } from "../parts/pager.tsx";
import { SelectField } from "../parts/select-field.tsx";
import { useCatalog } from "../parts/catalog.ts";
import { useSearchState } from "../parts/search-state.ts";
import { statusWord } from "../parts/status-tag.tsx";
import { BackupTable } from "./backup-table.tsx";
import { BACKUPS } from "./documents.ts";
import styles from "./backups-page.module.css";

const PAGE_SIZE = 20;
const STATUSES = ["QUEUED", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLED"] as const;

export default function BackupsPage() {
  const { catalog } = useCatalog();
  const [set, change] = useSearchState(["entity", "status", "label"]);
  const paging = usePaging();
  const status = STATUSES.find((name) => name === set.status);
  const entity = [...(catalog?.entities.values() ?? [])].find(({ name }) => name === set.entity)?.name;
  const filter = { status, entity, label: set.label === "" ? undefined : set.label };
  const [{ data, error, fetching }] = useQuery({
    query: BACKUPS,
    variables: { first: PAGE_SIZE, after: paging.after, filter },
    pause: set.entity !== "" && catalog === undefined,
  });
  const choose = (next: Parameters<typeof change>[0]): void => {
    paging.reset();
    change(next);
  };
  const backups = data?.backups;
  const isFiltered = set.entity !== "" || set.status !== "" || set.label !== "";
  return (
    <Page
      title="Backups"
      actions={
        <Link href="/backups/new" className="button primary">
          New backup
        </Link>
      }
    >
      <search className={styles.filters}>
        <SelectField
          label="Entity"
          none="Any"
          value={entity ?? ""}
          options={[...(catalog?.entities.values() ?? [])]
            .filter(({ readable }) => readable)
            .map(({ name, label }) => ({ value: name, label }))}
          onChange={(value) => choose({ entity: value })}
        />
        <SelectField
          label="Status"
          none="Any"
          value={status ?? ""}
          options={STATUSES.map((value) => ({ value, label: statusWord(value) }))}
          onChange={(value) => choose({ status: value })}
        />
        <TextField value={set.label} onChange={(value) => choose({ label: value })}>
          <Label>Label</Label>
          <Input type="search" placeholder="exactly this label" />
        </TextField>
      </search>
      {error !== undefined && <Failure error={error} />}
      {backups === undefined && fetching && <Loading what="backups" />}
      {backups !== undefined && backups.edges.length === 0 && (
        <div className="empty">
          <p>{isFiltered ? "No backup is like this." : "There is no backup yet."}</p>
          {!isFiltered && <Link href="/backups/new">Make the first one</Link>}
        </div>
      )}
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
