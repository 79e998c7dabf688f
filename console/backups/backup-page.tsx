// One backup: live while it runs, and what it holds once it is there.
import { useQuery } from "urql";
import { Link } from "wouter";
import { Failure, FailureNote } from "../parts/failure.tsx";
import { formatBytes, formatRows, humanise } from "../parts/format.ts";
import { Loading } from "../parts/loading.tsx";
import { Age, Moment } from "../parts/moment.tsx";
import { Page } from "../parts/page.tsx";
import { BACKUP_PHASES, RunProgress } from "../parts/run-progress.tsx";
import { Duration, EntityNames } from "../parts/run-time.tsx";
import { isOver, StatusTag } from "../parts/status-tag.tsx";
import { SignatureText } from "../signatures/signature.tsx";
import { BackupActions } from "./backup-actions.tsx";
import { nameOf } from "./backup-table.tsx";
import { ContentsTable } from "./contents-table.tsx";
import { BACKUP, type DetailedBackup } from "./documents.ts";
import { Verifications } from "./verifications.tsx";

export default function BackupPage({ id }: { readonly id: string }) {
  const [{ data, error, fetching }] = useQuery({ query: BACKUP, variables: { id } });
  const backup = data?.backup;
  if (backup != null) return <BackupView backup={backup} />;
  if (error !== undefined) {
    return (
      <Page title="Backup">
        <Failure error={error} />
      </Page>
    );
  }
  if (fetching) return <Loading what="the backup" />;
  return (
    <Page title="There is no such backup">
      <p>
        It was deleted, or it holds entities that you may not read. <Link href="/backups">All backups</Link>
      </p>
    </Page>
  );
}

const ENCRYPTION = {
  NONE: "Not encrypted",
  PASSPHRASE: "With a passphrase",
  RECIPIENTS: "To age recipients",
} as const;

function BackupView({ backup }: { readonly backup: DetailedBackup }) {
  const { status, error, sizeBytes, rawBytes } = backup;
  return (
    <Page
      title={nameOf(backup)}
      trail={<Link href="/backups">Backups</Link>}
      about={
        <span className="row">
          <StatusTag status={status} />
          {backup.pinned && <span className="tag">Pinned</span>}
          {backup.origin !== "MADE" && (
            <span className="tag">{backup.origin === "IMPORTED" ? "Imported" : "Found in a store"}</span>
          )}
          <span>
            <Age at={backup.createdAt} />
            {backup.requestedBy !== null && ` by ${backup.requestedBy}`}
          </span>
        </span>
      }
      actions={<BackupActions backup={backup} />}
    >
      {error !== null && <FailureNote {...error} />}
      {backup.deletionRequestedAt !== null && (
        <p className="note warn">
          It was deleted <Age at={backup.deletionRequestedAt} />
          {backup.deletedBy === null ? ", as its schedule’s retention says" : ` by ${backup.deletedBy}`}; only
          that it was made is still known.
        </p>
      )}
      {!backup.contentsKnown && (
        <p className="note warn">
          It came from elsewhere, encrypted, and nobody has opened it here yet. Verify its contents to learn
          what it holds.
        </p>
      )}
      {backup.storeFailures.map(({ store, code, message }) => (
        <FailureNote key={store} message={`It is not in the store ${store}: ${message}`} code={code} />
      ))}
      {!isOver(status) && (
        <section className="card" aria-label="Progress">
          <RunProgress name="Backup" status={status} progress={backup.progress} phases={BACKUP_PHASES} />
        </section>
      )}
      <section className="card" aria-label="Facts">
        <dl className="facts">
          <div>
            <dt>Started</dt>
            <dd>
              <Moment at={backup.startedAt ?? backup.createdAt} />
            </dd>
          </div>
          <div>
            <dt>Took</dt>
            <dd>
              <Duration run={backup} />
            </dd>
          </div>
          <div>
            <dt>Size</dt>
            <dd>
              {sizeBytes === null ? "–" : formatBytes(sizeBytes)}
              {sizeBytes !== null && rawBytes !== null && rawBytes > 0 && (
                <div className="small muted">
                  {Math.round((sizeBytes / rawBytes) * 100)} % of {formatBytes(rawBytes)} as text
                </div>
              )}
            </dd>
          </div>
          <div>
            <dt>Holds</dt>
            <dd>{backup.rows === null ? "–" : formatRows(backup.rows)}</dd>
          </div>
          <div>
            <dt>Encrypted</dt>
            <dd>{ENCRYPTION[backup.encryption]}</dd>
          </div>
          {status === "SUCCEEDED" && (
            <div>
              <dt>Signed</dt>
              <dd>
                <SignatureText signature={backup.signature} />
              </dd>
            </div>
          )}
          <div>
            <dt>{backup.stores.length === 1 ? "Store" : "Stores"}</dt>
            <dd>{backup.stores.join(", ")}</dd>
          </div>
          {backup.schedule !== null && (
            <div>
              <dt>Schedule</dt>
              <dd>
                <Link href={`/schedules/${backup.schedule.id}`}>{backup.schedule.name}</Link>
              </dd>
            </div>
          )}
          <div>
            <dt>Id</dt>
            <dd>
              <code>{backup.id}</code>
            </dd>
          </div>
        </dl>
      </section>
      {status === "SUCCEEDED" && backup.deletionRequestedAt === null && <Verifications backup={backup} />}
      <section className="stack" aria-labelledby="contents">
        <h2 id="contents">Contents</h2>
        {backup.contents.length > 0 ? (
          <ContentsTable contents={backup.contents} />
        ) : (
          <p>
            <EntityNames names={backup.entities} most={20} />
            {isOver(status) && status !== "SUCCEEDED" && (
              <span className="muted">
                : nothing was kept, for the backup has {humanise(status).toLowerCase()}.
              </span>
            )}
          </p>
        )}
      </section>
    </Page>
  );
}
