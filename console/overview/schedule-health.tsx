// One schedule at a glance: when it last went well, when it is due, the last drill, and how size and duration go on.
import { useQuery } from "urql";
import { Link } from "wouter";
import { formatBytes, formatDuration, formatSpan } from "../parts/format.ts";
import { Age } from "../parts/moment.tsx";
import type { Schedule } from "../schedules/documents.ts";
import { longestGapMs, readCron } from "../schedules/times.ts";
import { HISTORY, type Past } from "./documents.ts";
import styles from "./overview.module.css";
import { Trend } from "./trend.tsx";

export function ScheduleHealth({ schedule }: { readonly schedule: Schedule }) {
  const { id, name, cron, timeZone, enabled, nextRunAt } = schedule;
  const [{ data }] = useQuery({ query: HISTORY, variables: { scheduleId: id } });
  const past = data?.backups.edges.map(({ node }) => node) ?? [];
  const [lastGood] = past;
  const drill = lastDrill(past);
  const read = readCron(cron, timeZone, 1);
  const chronological = past.toReversed();
  const gapMs = enabled ? longestGapMs(cron, timeZone) : undefined;
  return (
    <section className="card stack" aria-label={name}>
      <div>
        <div className="row apart">
          <h3 className="break">
            <Link href={`/schedules/${id}`}>{name}</Link>
          </h3>
          {!enabled && <span className="tag warn">Off</span>}
        </div>
        <p className="small muted">{typeof read === "string" ? cron : read.sentence}</p>
      </div>
      <dl className={styles["brief"]}>
        <div>
          <dt>Last good</dt>
          <dd>
            {lastGood === undefined ? (
              "none"
            ) : (
              <Link href={`/backups/${lastGood.id}`}>
                <Age at={lastGood.createdAt} />
              </Link>
            )}
          </dd>
        </div>
        {gapMs !== undefined && (
          <div>
            <dt>Expected</dt>
            <dd>every {formatSpan(gapMs)}</dd>
          </div>
        )}
        <div>
          <dt>Next</dt>
          <dd>{nextRunAt === null ? "–" : <Age at={nextRunAt} />}</dd>
        </div>
        <div>
          <dt>Last drill</dt>
          <dd>
            {drill === undefined ? (
              "none"
            ) : (
              <>
                {drill.status === "SUCCEEDED" ? "✓" : "✕ failed"}{" "}
                {drill.finishedAt !== null && <Age at={drill.finishedAt} />}
              </>
            )}
          </dd>
        </div>
      </dl>
      {chronological.length > 1 && (
        <div className={styles["trends"]}>
          <Trend name="Size" points={points(chronological, "sizeBytes")} format={formatBytes} />
          <Trend name="Duration" points={points(chronological, "durationMs")} format={formatDuration} />
        </div>
      )}
    </section>
  );
}

function points(past: readonly Past[], field: "sizeBytes" | "durationMs") {
  return past.flatMap(({ id, createdAt, [field]: value }) =>
    value === null ? [] : [{ id, at: createdAt, value }],
  );
}

function lastDrill(past: readonly Past[]) {
  return past
    .flatMap(({ verifications }) => verifications)
    .filter(({ level, finishedAt }) => level === "DRILL" && finishedAt !== null)
    .toSorted((a, b) => (b.finishedAt ?? "").localeCompare(a.finishedAt ?? ""))[0];
}
