// What Holdfast bears: many subscribers of one run, many runs in the queue, requests beside a backup at full speed; and what
// its own bookkeeping costs. Server and worker are one process; the subscribers are another, on the same cores.
import { fork } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { BenchContext } from "./context.ts";
import { nextMessage } from "./child.ts";
import { measureBookkeeping, type Bookkeeping } from "./load-bookkeeping.ts";
import { startHoldfast, type Holdfast } from "./load-holdfast.ts";
import type { Changes, SubscribersOrder, SubscribersReport } from "./load-subscribers-process.ts";
import { quantilesOf, type Quantiles } from "./quantiles.ts";
import type { Result } from "./report.ts";

/** Subscribers of one backup, and runs in the queue behind it. */
interface Situation {
  readonly subscribers: number;
  readonly queuedRuns: number;
}

const USUAL: Situation = { subscribers: 10, queuedRuns: 0 };
const CROWDED: Situation = { subscribers: 500, queuedRuns: 50 };
/** A backup lasts some seconds: so many of them give enough requests. */
const PASSES = 4;

/** Milliseconds, bytes and seconds, as their names say; shares are of one. */
interface Found extends Situation {
  /** `startBackup`, from the request to the whole answer, while the backup runs. */
  readonly startBackupMs: Quantiles;
  readonly latencyMs: Quantiles;
  readonly dropped: number;
  readonly fallen: number;
  readonly errors: readonly string[];
  readonly events: number;
  readonly queuedSucceeded: number;
  readonly peakBytes: number;
}

interface LoadFigures {
  readonly usual: Found;
  readonly crowded: Found;
  readonly idleBytes: number;
  readonly bookkeeping: Bookkeeping;
}

const ALL = ["AUDIT_LOG", "ACCOUNTS", "SMALL"];
const PAUSE_MS = 100;

/** On the bench's tables; what the bookkeeping costs, in each round. */
export async function measureLoad(bench: BenchContext): Promise<Result> {
  await using holdfast = await startHoldfast(bench);
  const idleBytes = await holdfast.peakBytes();
  const usual = await measureSituation(holdfast, USUAL);
  const crowded = await measureSituation(holdfast, CROWDED);
  const bookkeeping = await measureBookkeeping(bench, holdfast, ALL);
  return resultOf({ usual, crowded, idleBytes, bookkeeping });
}

async function measureSituation(holdfast: Holdfast, situation: Situation): Promise<Found> {
  const passes: Pass[] = [];
  for (let pass = 0; pass < PASSES; pass += 1) passes.push(await measurePass(holdfast, situation));
  const reports = passes.map(({ report }) => report);
  const sum = (of: (report: SubscribersReport) => number): number =>
    reports.reduce((total, report) => total + of(report), 0);
  return {
    ...situation,
    startBackupMs: quantilesOf(passes.flatMap(({ timesMs }) => timesMs)),
    latencyMs: quantilesOf(reports.flatMap(({ latenciesMs }) => latenciesMs)),
    dropped: sum(({ ended }) => situation.subscribers - ended),
    fallen: sum(({ fallen }) => fallen),
    errors: reports.flatMap(({ errors }) => errors),
    events: sum(({ events }) => events),
    queuedSucceeded: passes.reduce((total, { succeeded }) => total + succeeded, 0),
    peakBytes: await holdfast.peakBytes(),
  };
}

interface Pass {
  readonly timesMs: readonly number[];
  readonly report: SubscribersReport;
  /** Of the runs behind the backup. */
  readonly succeeded: number;
}

/** One backup of everything: watched, with runs behind it, and with requests to start others as long as it lasts. */
async function measurePass(holdfast: Holdfast, { subscribers, queuedRuns }: Situation): Promise<Pass> {
  const { sql, url, authorization } = holdfast;
  await sql.unsafe("alter table holdfast.runs enable trigger note_run_change");
  const crowd = fork(path.join(import.meta.dirname, "load-subscribers-process.ts"));
  await nextMessage(crowd);
  // Both of the worker's places are taken, so that the run waits until everybody is there.
  const before = [await holdfast.startBackup(["AUDIT_LOG"]), await holdfast.startBackup(["AUDIT_LOG"])];
  const watched = await holdfast.startBackup(ALL);
  crowd.send({ url, authorization, runId: watched, count: subscribers } satisfies SubscribersOrder);
  await nextMessage(crowd);
  const ended = nextMessage(crowd);
  const queued = await Promise.all(Array.from({ length: queuedRuns }, () => holdfast.startBackup(["SMALL"])));
  for (const id of before) await holdfast.cancel(id);
  const timesMs = await sendRequests(holdfast, () => hasEnded(holdfast, watched));
  await ended;
  await holdfast.settled();
  const writtenMs = (
    await sql<{ ms: number }[]>`
      select written_ms as ms from public.run_changes where run_id = ${watched} order by written_ms`
  ).map(({ ms }) => ms);
  crowd.send({ writtenMs } satisfies Changes);
  const report = await nextMessage<SubscribersReport>(crowd);
  crowd.disconnect();
  await once(crowd, "exit");
  const [done] = await sql`
    select count(*)::int as succeeded from holdfast.runs where id = any(${queued}) and status = 'SUCCEEDED'`;
  await sql.unsafe("alter table holdfast.runs disable trigger note_run_change");
  return { timesMs, report, succeeded: Number(done?.["succeeded"]) };
}

/** One after another, as a client does that waits for its answers. @returns how long each took */
async function sendRequests(holdfast: Holdfast, isOver: () => Promise<boolean>): Promise<number[]> {
  const timesMs: number[] = [];
  const ids: string[] = [];
  while (!(await isOver())) {
    const sentMs = performance.now();
    ids.push(await holdfast.startBackup(["SMALL"]));
    timesMs.push(performance.now() - sentMs);
    await sleep(PAUSE_MS);
  }
  // What they have started is not what is measured here.
  for (const id of ids) await holdfast.cancel(id);
  return timesMs;
}

async function hasEnded({ sql }: Holdfast, id: string): Promise<boolean> {
  const [row] = await sql`select finished_at is not null as ended from holdfast.runs where id = ${id}`;
  return row?.["ended"] === true;
}

function resultOf(figures: LoadFigures): Result {
  const { usual, crowded, bookkeeping } = figures;
  const both = [usual, crowded];
  const nameOf = ({ subscribers, queuedRuns }: Situation): string =>
    `${subscribers} subscribers, ${queuedRuns} runs queued`;
  const times = (what: string, { count, p50, p95, p99, max }: Quantiles): string[] => [
    what,
    ...[p50, p95, p99, max].map((ms) => ms.toFixed(0)),
    String(count),
  ];
  const mb = (bytes: number): string => (bytes / 1e6).toFixed(0);
  const ms = (seconds: number): string => (seconds * 1000).toFixed(1);
  const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
  const atMost = (what: string, found: number, limit: number) =>
    ({ what, found, limit, direction: "at most" }) as const;
  const queued = crowded.queuedRuns * PASSES;
  return {
    name: "load",
    tables: [
      {
        title: "Milliseconds, while a backup runs at full speed",
        columns: ["", "p50", "p95", "p99", "most", "measured"],
        rows: both.flatMap((found) => [
          times(`startBackup: ${nameOf(found)}`, found.startBackupMs),
          times(`a change reaches a subscriber: ${nameOf(found)}`, found.latencyMs),
        ]),
      },
      {
        title: `What comes of ${PASSES} such backups`,
        columns: ["", ...both.map(nameOf)],
        rows: [
          ["subscribers that did not see the end", ...both.map(({ dropped }) => String(dropped))],
          ["subscribers that saw the percentage fall", ...both.map(({ fallen }) => String(fallen))],
          ["errors", ...both.map(({ errors }) => String(errors.length))],
          ["states received", ...both.map(({ events }) => String(events))],
          ["queued runs that succeeded", ...both.map(({ queuedSucceeded }) => String(queuedSucceeded))],
          ["peak MB", ...both.map(({ peakBytes }) => mb(peakBytes))],
        ],
      },
      {
        title: "Progress, ledger and a subscription: CPU milliseconds of server and client",
        columns: ["", "CPU ms"],
        rows: [
          ["a backup by the engine alone", ms(bookkeeping.backupSeconds)],
          ["a run of small tables, beside the engine alone", ms(bookkeeping.runSeconds)],
          ["a change, until a subscriber has it", ms(bookkeeping.changeSeconds)],
          [`those two, with the ${bookkeeping.changes} changes of a backup`, percent(bookkeeping.share)],
        ],
      },
    ],
    goals: [
      ...both.map((found) => atMost(`startBackup, p99 ms: ${nameOf(found)}`, found.startBackupMs.p99, 250)),
      atMost(`a change reaches a subscriber, p95 ms: ${nameOf(usual)}`, usual.latencyMs.p95, 250),
      atMost(
        "subscribers dropped, or shown less than before",
        both.reduce((sum, { dropped, fallen }) => sum + dropped + fallen, 0),
        0,
      ),
      atMost("queued runs that did not succeed", queued - crowded.queuedSucceeded, 0),
      atMost("progress, ledger and subscription: share of CPU time", bookkeeping.share, 0.02),
    ],
    figures,
  };
}
