// One restore: live while it runs, then what it did, beside what its preview had said.
import { useQuery } from "urql";
import { Link } from "wouter";
import { CancelButton } from "../backups/backup-actions.tsx";
import { nameOf } from "../backups/backup-table.tsx";
import type { RestoreRun } from "../graphql/fragments.ts";
import { Failure } from "../parts/failure.tsx";
import { Loading } from "../parts/loading.tsx";
import { Age } from "../parts/moment.tsx";
import { Page } from "../parts/page.tsx";
import { RESTORE_PHASES, RunProgress } from "../parts/run-progress.tsx";
import { Duration, EntityNames } from "../parts/run-time.tsx";
import { useSearchState } from "../parts/search-state.ts";
import { isOver, StatusTag } from "../parts/status-tag.tsx";
import { changesOf, ChangesTable } from "./changes-table.tsx";
import { deedOf, totalsOf } from "./changes.ts";
import { rowText } from "./choice.ts";
import { RestoreFailure } from "./conflicts.tsx";
import { RESTORE, type DetailedRestore } from "./documents.ts";
import { Samples } from "./samples.tsx";
import { modeLabel } from "./modes.ts";

export default function RestorePage({ id }: { readonly id: string }) {
  const [{ data, error, fetching }] = useQuery({ query: RESTORE, variables: { id } });
  const restore = data?.restore;
  if (restore != null) return <RestoreView restore={restore} />;
  if (error !== undefined) {
    return (
      <Page title="Restore">
        <Failure error={error} />
      </Page>
    );
  }
  if (fetching) return <Loading what="the restore" />;
  return (
    <Page title="There is no such restore">
      <p>
        It touched entities that you may not read, or never was. <Link href="/restores">All restores</Link>
      </p>
    </Page>
  );
}

function RestoreView({ restore }: { readonly restore: DetailedRestore }) {
  const { status, error, dryRun, mode, backup } = restore;
  const [{ preview }] = useSearchState(["preview"]);
  const [{ data }] = useQuery({ query: RESTORE, variables: { id: preview }, pause: preview === "" });
  const changes = changesOf(restore);
  const what = dryRun ? "Preview" : "Restore";
  return (
    <Page
      title={`${dryRun ? "Preview of a restore" : "Restore"} of “${nameOf(backup)}”`}
      trail={<Link href="/restores">Restores</Link>}
      about={
        <span className="row">
          <StatusTag status={status} />
          <span>
            <Age at={restore.createdAt} />
            {restore.requestedBy !== null && ` by ${restore.requestedBy}`}
          </span>
        </span>
      }
      actions={!isOver(status) && <CancelButton id={restore.id} />}
    >
      {error !== null && (
        <>
          <RestoreFailure error={error} conflicts={restore.conflicts} />
          <p>
            Nothing was changed: a restore is one transaction.{" "}
            <Link href={`/backups/${backup.id}/restore`}>Try again</Link>
          </p>
        </>
      )}
      {status === "CANCELLED" && <p className="note warn">It was cancelled, and nothing was changed.</p>}
      {!isOver(status) && (
        <section className="card" aria-label="Progress">
          <RunProgress
            name={what}
            status={status}
            progress={restore.progress}
            phases={dryRun ? RESTORE_PHASES.slice(0, -1) : RESTORE_PHASES}
          />
        </section>
      )}
      {changes !== undefined && <Outcome dryRun={dryRun} changes={changes} />}
      <section className="card" aria-label="Facts">
        <dl className="facts">
          <div>
            <dt>Backup</dt>
            <dd>
              <Link href={`/backups/${backup.id}`}>{nameOf(backup)}</Link>, <Age at={backup.createdAt} />
            </dd>
          </div>
          <div>
            <dt>Mode</dt>
            <dd>{modeLabel(mode)}</dd>
          </div>
          <div>
            <dt>Entities</dt>
            <dd>
              <EntityNames names={restore.entities} most={20} />
            </dd>
          </div>
          {restore.selectedRows !== null && (
            <div>
              <dt>Rows</dt>
              <dd>
                {restore.selectedRows.map((chosen) => (
                  <div key={rowText(chosen)} className="break">
                    {rowText(chosen)}
                  </div>
                ))}
              </dd>
            </div>
          )}
          <div>
            <dt>Took</dt>
            <dd>
              <Duration run={restore} />
            </dd>
          </div>
        </dl>
      </section>
      {changes !== undefined && (
        <section className="stack" aria-labelledby="changes">
          <h2 id="changes">{dryRun ? "What would change" : "What has changed"}</h2>
          <ChangesTable
            caption={dryRun ? "What would change" : "What has changed"}
            changes={changes}
            previewed={dryRun ? undefined : changesOf(data?.restore)}
          />
          {dryRun && <Samples sampled={restore.sampled} />}
        </section>
      )}
    </Page>
  );
}

function Outcome({ dryRun, changes }: { readonly dryRun: boolean; readonly changes: RestoreRun["changes"] }) {
  const deed = deedOf(totalsOf(changes));
  if (deed === undefined) {
    return (
      <p className="note good">
        {dryRun ? "Nothing would change" : "Nothing had to be changed"}: what is there is what the backup
        holds.
      </p>
    );
  }
  return dryRun ? (
    <p className="note">
      A restore would {deed.charAt(0).toLowerCase() + deed.slice(1)}. Nothing was changed.
    </p>
  ) : (
    <p className="note good">
      <strong>Done.</strong> All of it is in place, in one transaction.
    </p>
  );
}
