// Are we safe? What is expected and what is there, what runs now, and what went wrong.
import { useQuery } from "urql";
import { Link } from "wouter";
import { useMay } from "../app/account-context.tsx";
import { BackupTable, nameOf } from "../backups/backup-table.tsx";
import type { BackupRun, RestoreRun } from "../graphql/fragments.ts";
import { useCatalog } from "../parts/catalog.ts";
import { Failure } from "../parts/failure.tsx";
import { Loading } from "../parts/loading.tsx";
import { Age, useNow } from "../parts/moment.tsx";
import { Page } from "../parts/page.tsx";
import { BACKUP_PHASES, RESTORE_PHASES, RunProgress } from "../parts/run-progress.tsx";
import { isOver } from "../parts/status-tag.tsx";
import { SCHEDULES, type Schedule } from "../schedules/documents.ts";
import { useReachable } from "../stores/reachable.ts";
import { ACTIVITY, type Activity } from "./documents.ts";
import { judge, type Concern } from "./judge.ts";
import styles from "./overview.module.css";
import { ScheduleHealth } from "./schedule-health.tsx";
import { StoreHealth } from "./store-health.tsx";

export default function OverviewPage() {
  const may = useMay("MANAGE_BACKUPS");
  const { catalog } = useCatalog();
  const [{ data, error }] = useQuery({ query: ACTIVITY });
  const [{ data: scheduled, error: scheduleError }] = useQuery({ query: SCHEDULES, pause: !may });
  const schedules = may ? scheduled?.schedules : [];
  const readable = [...(catalog?.entities.values() ?? [])].some((entity) => entity.readable);
  const failure = error ?? scheduleError;
  return (
    <Page
      title="Overview"
      actions={
        <>
          <Link href="/backups?status=SUCCEEDED" className="button">
            Restore…
          </Link>
          <Link href="/backups/new" className="button primary">
            New backup
          </Link>
        </>
      }
    >
      {failure !== undefined && <Failure error={failure} />}
      {catalog !== undefined && !readable && (
        <p className="note">
          You may not read any entity, so there is nothing to show. Ask an administrator for a role.
        </p>
      )}
      {data === undefined || schedules === undefined ? (
        failure === undefined && <Loading what="how things stand" />
      ) : (
        <Standing activity={data} schedules={schedules} mayManage={may} />
      )}
    </Page>
  );
}

interface StandingProps {
  readonly activity: Activity;
  readonly schedules: readonly Schedule[];
  readonly mayManage: boolean;
}

function Standing({ activity, schedules, mayManage }: StandingProps) {
  const now = useNow();
  const reachable = useReachable();
  const failed = activity.failed.edges.map(({ node }) => node);
  const [lastGood] = activity.succeeded.edges;
  const concerns = judge({ schedules, reachable, failed, lastGood: lastGood?.node, mayManage, now });
  const running: readonly (BackupRun | RestoreRun)[] = [
    ...activity.running.edges.map(({ node }) => node),
    ...activity.queued.edges.map(({ node }) => node),
    ...activity.restores.edges.map(({ node }) => node).filter(({ status }) => !isOver(status)),
  ];
  return (
    <>
      <Verdict concerns={concerns} lastGood={lastGood?.node} />
      {running.length > 0 && (
        <section className="stack" aria-labelledby="running">
          <h2 id="running">Running now</h2>
          {running.map((run) => (
            <RunningCard key={run.id} run={run} />
          ))}
        </section>
      )}
      {schedules.length > 0 && (
        <section className="stack" aria-labelledby="schedules">
          <h2 id="schedules">Schedules</h2>
          <div className={styles["grid"]}>
            {schedules.map((schedule) => (
              <ScheduleHealth key={schedule.id} schedule={schedule} />
            ))}
          </div>
        </section>
      )}
      <StoreHealth reachable={reachable} />
      {activity.succeeded.edges.length > 0 && (
        <section className="stack" aria-labelledby="latest">
          <div className="row apart">
            <h2 id="latest">Latest backups</h2>
            <Link href="/backups">All backups</Link>
          </div>
          <BackupTable backups={activity.succeeded.edges.map(({ node }) => node)} />
        </section>
      )}
      {failed.length > 0 && (
        <section className="stack" aria-labelledby="failed">
          <h2 id="failed">What failed</h2>
          <ul className={styles["failures"]}>
            {failed.map((backup) => (
              <li key={backup.id} className="card">
                <div className="row apart">
                  <Link href={`/backups/${backup.id}`} className="break">
                    {nameOf(backup)}
                  </Link>
                  <span className="muted">
                    <Age at={backup.createdAt} />
                  </span>
                </div>
                <p className="break">{backup.error?.message}</p>
                {backup.error?.hint != null && <p className="muted break">{backup.error.hint}</p>}
              </li>
            ))}
          </ul>
        </section>
      )}
    </>
  );
}

interface VerdictProps {
  readonly concerns: readonly Concern[];
  readonly lastGood: BackupRun | undefined;
}

function Verdict({ concerns, lastGood }: VerdictProps) {
  const isBad = concerns.some(({ grave }) => grave);
  const tone = concerns.length === 0 ? "good" : isBad ? "bad" : "warn";
  const words =
    concerns.length === 0
      ? "Everything that is expected is there"
      : isBad
        ? "Something needs looking after"
        : "Mostly in order";
  return (
    <section className={`note ${tone} ${styles["verdict"]}`} aria-label="Are we safe?">
      <div className={styles["words"]}>
        <span aria-hidden="true" className={styles["mark"]}>
          {concerns.length === 0 ? "✓" : "!"}
        </span>
        <div>
          <strong>{words}</strong>
          <p className="muted">
            {lastGood === undefined ? (
              "There is no good backup yet."
            ) : (
              <>
                The last good backup is <Link href={`/backups/${lastGood.id}`}>{nameOf(lastGood)}</Link>,{" "}
                <Age at={lastGood.createdAt} />.
              </>
            )}
          </p>
        </div>
      </div>
      {concerns.length > 0 && (
        <ul>
          {concerns.map(({ text, href }) => (
            <li key={text} className="break">
              {href === undefined ? text : <Link href={href}>{text}</Link>}
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function RunningCard({ run }: { readonly run: BackupRun | RestoreRun }) {
  const isRestore = "backup" in run;
  const name = isRestore ? `${run.dryRun ? "Preview" : "Restore"} of ${nameOf(run.backup)}` : nameOf(run);
  return (
    <div className="card">
      <h3 className={styles["run"]}>
        <Link href={isRestore ? `/restores/${run.id}` : `/backups/${run.id}`}>{name}</Link>
      </h3>
      <RunProgress
        name={name}
        status={run.status}
        progress={run.progress}
        phases={isRestore ? RESTORE_PHASES : BACKUP_PHASES}
      />
    </div>
  );
}
