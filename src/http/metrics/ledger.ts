// What Prometheus is told of Holdfast itself. All of it is read from the ledger, so it is the same on every server, and after
// a restart: take the highest of several servers' figures; do not add them up.
import { Counter, Gauge, Histogram, type HistogramConfiguration, type Registry } from "prom-client";
import { NOTIFY_EVENTS } from "../../core/notify-declaration.ts";
import { overdueSince } from "../../core/overdue.ts";
import {
  MEASURED_KINDS,
  type AlarmCount,
  type Bounds,
  type Distribution,
  type EndedRuns,
  type ScheduleHealth,
  type UnfinishedRuns,
} from "../../ledger/statistics.ts";
import type { QueueCounts } from "../../queue/queue.ts";

/** Of the histograms: from a second to four hours, from 10 kB to 1 TB. */
export const BOUNDS: Bounds = {
  seconds: [1, 5, 15, 60, 300, 900, 3600, 14_400],
  sizeBytes: [1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12],
};

export interface LedgerFigures {
  readonly ended: readonly EndedRuns[];
  readonly unfinished: readonly UnfinishedRuns[];
  readonly schedules: readonly ScheduleHealth[];
  readonly alarms: readonly AlarmCount[];
  readonly pendingDeliveries: number;
  /** undefined: the queue cannot be reached. */
  readonly queue: QueueCounts | undefined;
}

/** Adds the metrics to a registry that has none of them. */
export function addLedgerMetrics(registry: Registry, figures: LedgerFigures, now: Date): void {
  const registers = [registry];
  addRuns(registers, figures);
  addContents(registers, figures.ended);
  addSchedules(registers, figures.schedules, now);
  addQueue(registers, figures);
}

const FINAL = ["succeeded", "failed", "cancelled"] as const;
const UNFINISHED = ["queued", "running"] as const;

function addRuns(registers: Registry[], { ended, unfinished }: LedgerFigures): void {
  const runs = new Counter({
    ...{ name: "holdfast_runs_total", labelNames: ["kind", "status"], registers },
    help: "Runs that have ended; a preview is a restore that was a dry run.",
  });
  const present = new Gauge({
    ...{ name: "holdfast_runs_unfinished", labelNames: ["kind", "status"], registers },
    help: "Runs that wait or are worked on.",
  });
  const oldest = new Gauge({
    ...{ name: "holdfast_oldest_run_age_seconds", labelNames: ["status"], registers },
    help: "Time since the oldest run that waits, or is worked on, was asked for; 0 if there is none.",
  });
  const durations = new LedgerHistogram({
    ...{ name: "holdfast_run_duration_seconds", labelNames: ["kind", "status"], registers },
    help: "Time from taking a run up to its end.",
  });
  // A counter that comes to be with its first failure would show no increase.
  for (const kind of MEASURED_KINDS) {
    for (const status of FINAL) {
      const labels = { kind, status };
      const groups = ended.filter((group) => group.kind === kind && group.status === status.toUpperCase());
      runs.inc(labels, total(groups, "count"));
      if (groups.length > 0)
        durations.add(
          labels,
          BOUNDS.seconds,
          groups.map(({ seconds }) => seconds),
        );
    }
    for (const status of UNFINISHED) {
      const groups = unfinished.filter(
        (group) => group.kind === kind && group.status === status.toUpperCase(),
      );
      present.set({ kind, status }, total(groups, "count"));
    }
  }
  for (const status of UNFINISHED) {
    const ages = unfinished.filter((group) => group.status === status.toUpperCase());
    oldest.set({ status }, Math.max(0, ...ages.map(({ oldestSeconds }) => oldestSeconds)));
  }
}

function addContents(registers: Registry[], ended: readonly EndedRuns[]): void {
  const backups = ended.filter(({ kind }) => kind === "backup");
  const sizes = new LedgerHistogram({
    ...{ name: "holdfast_backup_size_bytes", registers },
    help: "Sizes of backups as stored, in one store.",
  });
  sizes.add(
    {},
    BOUNDS.sizeBytes,
    backups.map((group) => group.sizes),
  );
  new Counter({
    ...{ name: "holdfast_backup_rows_total", registers },
    help: "Rows in the backups that were made.",
  }).inc(total(backups, "rows"));
  new Counter({
    ...{ name: "holdfast_backup_raw_bytes_total", registers },
    help: "Bytes of rows in the backups that were made, before compression.",
  }).inc(total(backups, "rawBytes"));
  const restored = new Counter({
    ...{ name: "holdfast_restored_rows_total", labelNames: ["change"], registers },
    help: "Rows that restores have changed.",
  });
  for (const change of ["inserted", "updated", "deleted"] as const)
    restored.inc({ change }, total(ended, change));
  const verifications = new Counter({
    ...{ name: "holdfast_verifications_total", labelNames: ["level", "status"], registers },
    help: "Verifications that have ended, by the level that they have gone to; drill: restored into a scratch database.",
  });
  for (const level of ["stored", "contents", "drill"]) {
    for (const status of FINAL) {
      const groups = ended.filter(
        (group) => group.level === level.toUpperCase() && group.status === status.toUpperCase(),
      );
      verifications.inc({ level, status }, total(groups, "count"));
    }
  }
}

function addSchedules(registers: Registry[], schedules: readonly ScheduleHealth[], now: Date): void {
  const labelled = { labelNames: ["schedule"], registers };
  const ages = new Gauge({
    ...{ name: "holdfast_schedule_backup_age_seconds", ...labelled },
    help: "Time since the last good backup of an enabled schedule was asked for; +Inf: there is none.",
  });
  const overdue = new Gauge({
    ...{ name: "holdfast_schedule_overdue", ...labelled },
    help: "1: a good backup of the schedule was due and has not come.",
  });
  const drillAges = new Gauge({
    ...{ name: "holdfast_schedule_drill_age_seconds", ...labelled },
    help: "Time since the last drill of the schedule has ended; nothing: there was none.",
  });
  const drillResults = new Gauge({
    ...{ name: "holdfast_schedule_drill_success", registers, labelNames: ["schedule", "level"] },
    help: "1: the last drill of the schedule succeeded; 0: it failed. The level is what it has gone to.",
  });
  const secondsSince = (at: Date): number => Math.max(0, (now.getTime() - at.getTime()) / 1000);
  for (const { name: schedule, goodAt, drill, createdAt, updatedAt, ...times } of schedules) {
    ages.set({ schedule }, goodAt === null ? Number.POSITIVE_INFINITY : secondsSince(goodAt));
    // Changed times do not make a schedule late.
    const since = new Date(Math.max(updatedAt.getTime(), (goodAt ?? createdAt).getTime()));
    overdue.set({ schedule }, overdueSince(times, since, now) === undefined ? 0 : 1);
    if (drill === null) continue;
    drillAges.set({ schedule }, secondsSince(drill.at));
    drillResults.set({ schedule, level: drill.level.toLowerCase() }, drill.succeeded ? 1 : 0);
  }
}

/** What is wrong until it is told to be right again; the others are told of once. */
const LASTING = NOTIFY_EVENTS.filter((event) => event !== "recovered" && event !== "unusual");

function addQueue(registers: Registry[], { queue, alarms, pendingDeliveries }: LedgerFigures): void {
  new Gauge({
    ...{ name: "holdfast_queue_up", registers },
    help: "1: the queue answers this server.",
  }).set(queue === undefined ? 0 : 1);
  const jobs = new Gauge({
    ...{ name: "holdfast_queue_jobs", labelNames: ["state"], registers },
    help: "Jobs in the queue, each of which carries a run; nothing: the queue does not answer.",
  });
  if (queue !== undefined)
    for (const state of ["waiting", "active", "delayed"] as const) jobs.set({ state }, queue[state]);
  const raised = new Gauge({
    ...{ name: "holdfast_alarms", labelNames: ["event"], registers },
    help: "What is wrong at the moment, as notices tell it.",
  });
  for (const event of LASTING)
    raised.set(
      { event },
      total(
        alarms.filter((alarm) => alarm.event === event),
        "count",
      ),
    );
  new Gauge({
    ...{ name: "holdfast_notices_pending", registers },
    help: "Notices that are still to be delivered.",
  }).set(pendingDeliveries);
}

/** A histogram whose values were counted elsewhere. */
class LedgerHistogram extends Histogram {
  readonly #config: HistogramConfiguration<string>;
  readonly #samples: { suffix: string; labels: Record<string, string | number>; value: number }[] = [];

  constructor(config: HistogramConfiguration<string>) {
    super(config);
    this.#config = config;
  }

  add(
    labels: Readonly<Record<string, string>>,
    bounds: readonly number[],
    distributions: readonly Distribution[],
  ): void {
    const count = total(distributions, "count");
    for (const [place, le] of bounds.entries()) {
      const value = distributions.reduce((sum, { atMost }) => sum + (atMost[place] ?? 0), 0);
      this.#samples.push({ suffix: "_bucket", labels: { le, ...labels }, value });
    }
    this.#samples.push(
      { suffix: "_bucket", labels: { le: "+Inf", ...labels }, value: count },
      { suffix: "_sum", labels, value: total(distributions, "sum") },
      { suffix: "_count", labels, value: count },
    );
  }

  /** What a registry asks for; unknown to the library's types. */
  async getForPromString() {
    const { name, help } = this.#config;
    const values = this.#samples.map(({ suffix, ...sample }) => ({ ...sample, metricName: name + suffix }));
    return { name, help, type: "histogram", aggregator: "sum", values };
  }
}

function total<K extends string>(items: readonly Readonly<Record<K, number>>[], key: K): number {
  return items.reduce((sum, item) => sum + item[key], 0);
}
