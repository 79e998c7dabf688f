// A run as it goes on: the bar, the phases it has to go through, and what is known of rows, bytes, rate and time left.
import { useEffect, useRef } from "react";
import { announce } from "../app/announce.ts";
import type { Progress, TableProgress } from "../graphql/fragments.ts";
import type { RunStatus } from "../graphql/tada.ts";
import { useEntityLabel } from "./catalog.ts";
import { Bar } from "./bar.tsx";
import { formatBytes, formatCount, formatLeft, formatRate, humanise } from "./format.ts";
import styles from "./run-progress.module.css";
import { isOver, statusWord } from "./status-tag.tsx";
import { TableBars } from "./table-bars.tsx";

export const BACKUP_PHASES = ["planning", "copying", "sealing"];
/** A drill goes through all of them; the other levels only read. */
export const VERIFICATION_PHASES = ["planning", "reading", "restoring", "checking"];
export const RESTORE_PHASES = ["planning", "staging", "comparing", "applying"];

export interface RunProgressProps {
  /** What runs, as a name: "Backup". */
  readonly name: string;
  readonly status: RunStatus;
  /** With tables, each of them has a bar of its own. */
  readonly progress: Progress & { readonly tables?: readonly TableProgress[] };
  readonly phases: readonly string[];
}

export function RunProgress({ name, status, progress, phases }: RunProgressProps) {
  useAnnouncements(name, status, progress);
  const labelOf = useEntityLabel();
  const { phase, entity, table, percent } = progress;
  const standing = phases.indexOf(phase);
  const now = status === "QUEUED" ? "Waiting for a worker" : humanise(phase);
  return (
    <div className="stack">
      <Bar label={name} percent={percent} valueLabel={`${Math.floor(percent)} %, ${now}`}>
        <div className="row apart">
          <span>
            <strong>{now}</strong>
            {entity !== null && <span className="muted"> {labelOf(entity)}</span>}
            {table !== null && <code className="muted break"> {table}</code>}
          </span>
          <strong className={styles.percent}>{Math.floor(percent)} %</strong>
        </div>
      </Bar>
      <ol className={styles.phases} aria-label="Phases">
        {phases.map((name, index) => (
          <li
            key={name}
            aria-current={index === standing ? "step" : undefined}
            className={index < standing || phase === "done" ? styles.past : undefined}
          >
            {humanise(name)}
          </li>
        ))}
      </ol>
      <dl className="facts">
        <Fact
          name="Rows"
          value={formatCount(progress.rows)}
          total={progress.rowsTotal}
          format={formatCount}
        />
        <Fact
          name="Bytes"
          value={formatBytes(progress.bytes)}
          total={progress.bytesTotal}
          format={formatBytes}
        />
        <div>
          <dt>Rate</dt>
          <dd>{formatRate(progress.rowsPerSecond)}</dd>
        </div>
        <div>
          <dt>Time left</dt>
          <dd>{formatLeft(progress.etaSeconds)}</dd>
        </div>
      </dl>
      <TableBars tables={progress.tables ?? []} />
    </div>
  );
}

interface FactProps {
  readonly name: string;
  readonly value: string;
  readonly total: number | null;
  readonly format: (value: number) => string;
}

function Fact({ name, value, total, format }: FactProps) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        {value}
        {total !== null && <span className="muted"> of about {format(total)}</span>}
      </dd>
    </div>
  );
}

/** Every quarter of the way, every phase and the end: what somebody who hears the page wants to know of a bar. */
function useAnnouncements(name: string, status: RunStatus, { phase, percent }: Progress): void {
  const said = useRef<string>(undefined);
  const quarter = Math.floor(percent / 25) * 25;
  const state = isOver(status) ? statusWord(status).toLowerCase() : `${humanise(phase)}, ${quarter} %`;
  useEffect(() => {
    if (said.current !== undefined && said.current !== state) announce(`${name}: ${state}`);
    said.current = state;
  }, [name, state]);
}
