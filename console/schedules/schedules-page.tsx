// What is backed up when, and whether it was.
import { useState } from "react";
import { Button } from "react-aria-components";
import { useMutation, useQuery } from "urql";
import { Link, useLocation } from "wouter";
import { useMay } from "../app/account-context.tsx";
import { useConnection } from "../app/connection-context.tsx";
import { nameOf } from "../backups/backup-table.tsx";
import { ConfirmDialog } from "../parts/confirm-dialog.tsx";
import { Failure } from "../parts/failure.tsx";
import { Loading } from "../parts/loading.tsx";
import { Age } from "../parts/moment.tsx";
import { Page } from "../parts/page.tsx";
import { EntityNames } from "../parts/run-time.tsx";
import { StatusTag } from "../parts/status-tag.tsx";
import { DELETE_SCHEDULE, SCHEDULES, TRIGGER_SCHEDULE, type Schedule } from "./documents.ts";
import { retentionText } from "./retention-text.ts";
import { formatIn, readCron } from "./times.ts";

export default function SchedulesPage() {
  const may = useMay("MANAGE_BACKUPS");
  const [{ data, error, fetching }] = useQuery({ query: SCHEDULES, pause: !may });
  return (
    <Page
      title="Schedules"
      actions={
        may && (
          <Link href="/schedules/new" className="button primary">
            New schedule
          </Link>
        )
      }
    >
      {!may && (
        <p className="note">
          Schedules are for those who have the permission MANAGE_BACKUPS, which you do not have.
        </p>
      )}
      {error !== undefined && <Failure error={error} />}
      {data === undefined && fetching && <Loading what="schedules" />}
      {data?.schedules.length === 0 && (
        <div className="empty">
          <p>Nothing is backed up by itself yet.</p>
          <Link href="/schedules/new">Make the first schedule</Link>
        </div>
      )}
      {data?.schedules.map((schedule) => (
        <ScheduleCard key={schedule.id} schedule={schedule} />
      ))}
    </Page>
  );
}

function ScheduleCard({ schedule }: { readonly schedule: Schedule }) {
  const { id, name, cron, timeZone, enabled, nextRunAt, lastBackup } = schedule;
  const read = readCron(cron, timeZone, 1);
  return (
    <section className="card stack" aria-label={name}>
      <div className="row apart">
        <div>
          <h2 className="break">
            <Link href={`/schedules/${id}`}>{name}</Link>
          </h2>
          <p className="muted">
            {typeof read === "string" ? cron : read.sentence}, {timeZone}
          </p>
        </div>
        <div className="row">
          {!enabled && <span className="tag warn">Off</span>}
          <RunNow id={id} />
          <DeleteSchedule id={id} name={name} />
        </div>
      </div>
      <dl className="facts">
        <div>
          <dt>Next</dt>
          <dd>
            {nextRunAt === null ? (
              "not while it is off"
            ) : (
              <>
                {formatIn(new Date(nextRunAt), timeZone)} <span className="muted">(</span>
                <Age at={nextRunAt} />
                <span className="muted">)</span>
              </>
            )}
          </dd>
        </div>
        <div>
          <dt>Last</dt>
          <dd>
            {lastBackup === null ? (
              "none yet"
            ) : (
              <span className="row">
                <Link href={`/backups/${lastBackup.id}`} aria-label={nameOf(lastBackup)}>
                  <Age at={lastBackup.createdAt} />
                </Link>
                <StatusTag status={lastBackup.status} />
              </span>
            )}
          </dd>
        </div>
        <div>
          <dt>Entities</dt>
          <dd>
            <EntityNames names={schedule.entities} />
          </dd>
        </div>
        <div>
          <dt>Retention</dt>
          <dd>{retentionText(schedule.retention)}</dd>
        </div>
        <div>
          <dt>Encrypted</dt>
          <dd>
            {schedule.recipients.length === 0
              ? "not at all"
              : `to ${schedule.recipients.length} ${schedule.recipients.length === 1 ? "recipient" : "recipients"}`}
          </dd>
        </div>
        {schedule.nextDrillAt !== null && (
          <div>
            <dt>Next drill</dt>
            <dd>
              <Age at={schedule.nextDrillAt} />
            </dd>
          </div>
        )}
      </dl>
    </section>
  );
}

function RunNow({ id }: { readonly id: string }) {
  const [, navigate] = useLocation();
  const [{ error, fetching }, trigger] = useMutation(TRIGGER_SCHEDULE);
  return (
    <>
      <Button
        className="button small"
        isPending={fetching}
        onPress={() =>
          void trigger({ id }).then(({ data }) => {
            if (data !== undefined) navigate(`/backups/${data.triggerSchedule.id}`);
          })
        }
      >
        Back up now
      </Button>
      {error !== undefined && <Failure error={error} />}
    </>
  );
}

function DeleteSchedule({ id, name }: { readonly id: string; readonly name: string }) {
  const { refresh } = useConnection();
  const [asking, setAsking] = useState(false);
  const [{ error, fetching }, remove] = useMutation(DELETE_SCHEDULE);
  return (
    <>
      <Button className="button small danger" isPending={fetching} onPress={() => setAsking(true)}>
        Delete…
      </Button>
      {error !== undefined && <Failure error={error} />}
      <ConfirmDialog
        isOpen={asking}
        title="Delete the schedule?"
        deed="Delete the schedule"
        danger
        onClose={() => setAsking(false)}
        onConfirm={() => {
          setAsking(false);
          void remove({ id }).then((result) => {
            if (result.error === undefined) refresh(["schedules"]);
          });
        }}
      >
        <p>
          <strong className="break">{name}</strong> makes no more backups. Those that it has made stay.
        </p>
      </ConfirmDialog>
    </>
  );
}
