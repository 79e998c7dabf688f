// Backups as rows: used wherever several are shown.
import { Link } from "wouter";
import type { BackupRun } from "../graphql/fragments.ts";
import { formatBytes, formatCount } from "../parts/format.ts";
import { Age } from "../parts/moment.tsx";
import { Duration, EntityNames } from "../parts/run-time.tsx";
import { isOver, StatusTag } from "../parts/status-tag.tsx";
import styles from "./backups-page.module.css";

export function BackupTable({ backups }: { readonly backups: readonly BackupRun[] }) {
  return (
    <div className="table-box">
      <table className="folds">
        <thead>
          <tr>
            <th scope="col">Backup</th>
            <th scope="col">Status</th>
            <th scope="col">Entities</th>
            <th scope="col" className="number">
              Rows
            </th>
            <th scope="col" className="number">
              Size
            </th>
            <th scope="col" className="number">
              Took
            </th>
          </tr>
        </thead>
        <tbody>
          {backups.map((backup) => (
            <tr key={backup.id} className="link">
              <th scope="row">
                <Link href={`/backups/${backup.id}`} className="break">
                  {nameOf(backup)}
                </Link>
                <div className="small muted">
                  <Age at={backup.createdAt} />
                  {backup.deletionRequestedAt !== null && (
                    <>
                      {" · deleted "}
                      <Age at={backup.deletionRequestedAt} />
                    </>
                  )}
                  {backup.pinned && " · pinned"}
                  {backup.encryption === "NONE" &&
                    backup.status === "SUCCEEDED" &&
                    backup.deletionRequestedAt === null &&
                    " · not encrypted"}
                </div>
              </th>
              <td>
                <StatusTag status={backup.status} />
                {!isOver(backup.status) && <Meter percent={backup.progress.percent} />}
              </td>
              <td className="whole">
                <EntityNames names={backup.entities} />
              </td>
              <td className="number" data-label="Rows">
                {backup.rows === null ? "–" : formatCount(backup.rows)}
              </td>
              <td className="number" data-label="Size">
                {backup.sizeBytes === null ? "–" : formatBytes(backup.sizeBytes)}
              </td>
              <td className="number" data-label="Took">
                <Duration run={backup} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export interface Named {
  readonly id: string;
  readonly label: string | null;
  readonly schedule?: { readonly name: string } | null;
}

/** What a backup goes by: its label, the schedule that made it, or the beginning of its id. */
export function nameOf({ id, label, schedule }: Named): string {
  return label ?? schedule?.name ?? `Backup ${id.slice(0, 8)}`;
}

function Meter({ percent }: { readonly percent: number }) {
  return (
    <span className={styles["meter"]} role="img" aria-label={`${Math.floor(percent)} %`}>
      <span className={styles["fill"]} style={{ display: "block", inlineSize: `${percent}%` }} />
    </span>
  );
}
