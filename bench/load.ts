// What Holdfast bears: many subscribers of one run, many runs in the queue, requests beside a backup at full speed; and what
// its own bookkeeping costs. Server and worker are one process; the subscribers are another, on the same cores.
import { fork } from "node:child_process";
import { once } from "node:events";
import { randomUUID } from "node:crypto";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { holdfastActs, type BenchContext } from "./context.ts";
import { nextMessage } from "./child.ts";
import { startHoldfast, type Holdfast } from "./load-holdfast.ts";
import type { Changes, SubscribersOrder, SubscribersReport } from "./load-subscribers-process.ts";
import { median, quantilesOf, type Quantiles } from "./quantiles.ts";
import type { Result } from "./report.ts";

const SUBSCRIBERS = 500;
const QUEUED_RUNS = 50;
/** Whose answering time is measured, in each of the two situations. */
const REQUESTS = 200;

/** Milliseconds, bytes and seconds, as their names say; shares are of one. */
interface LoadFigures {
  /** `startBackup`, from the request to the whole answer, while a backup runs. */
  readonly startBackupMs: Quantiles;
  /** The same with all subscribers watching that backup, and with as many runs as that behind it. */
  readonly startBackupUnderLoadMs: Quantiles;
  readonly subscribers: SubscribersReport & { readonly dropped: number };
  readonly queue: { readonly runs: number; readonly succeeded: number; readonly seconds: number };
  readonly peakBytes: { readonly idle: number; readonly oneBackup: number; readonly underLoad: number };
  readonly bookkeeping: {
    /** More wall time, and more CPU time of client and server, than the engine alone: medians over the pairs. */
    readonly wallShare: number;
    readonly cpuShare: number;
    readonly pairs: readonly Pair[];
  };
}

interface Pair {
  readonly engine: Cost;
  readonly whole: Cost;
}

interface Cost {
  readonly wallSeconds: number;
  readonly cpuSeconds: number;
}

const ALL = ["AUDIT_LOG", "ACCOUNTS", "SMALL"];
const PAUSE_MS = 25;

/** On the bench's tables; a pair of backups for each round. */
export async function measureLoad(bench: BenchContext): Promise<Result> {
  await using holdfast = await startHoldfast(bench);
  const idle = await holdfast.peakBytes();
  const startBackupMs = await measureRequests(holdfast);
  await holdfast.settled();
  const oneBackup = await holdfast.peakBytes();
  const load = await measureSubscribers(holdfast);
  const underLoad = await holdfast.peakBytes();
  const pairs: Pair[] = [];
  for (let round = 0; round < bench.options.rounds; round += 1)
    pairs.push(await measurePair(bench, holdfast, round % 2 === 0));
  const share = (of: (cost: Cost) => number): number =>
    median(pairs.map(({ engine, whole }) => of(whole) / of(engine))) - 1;
  return resultOf({
    startBackupMs,
    ...load,
    peakBytes: { idle, oneBackup, underLoad },
    bookkeeping: {
      wallShare: share(({ wallSeconds }) => wallSeconds),
      cpuShare: share(({ cpuSeconds }) => cpuSeconds),
      pairs,
    },
  });
}

/** Large backups take both of the worker's places, one after another: what is started meanwhile waits behind them. */
async function measureRequests(holdfast: Holdfast): Promise<Quantiles> {
  const stop = new AbortController();
  const busy = [keepBusy(holdfast, stop.signal), keepBusy(holdfast, stop.signal)];
  await sleep(1_000);
  const times = await sendRequests(holdfast);
  stop.abort();
  await Promise.all(busy);
  return quantilesOf(times);
}

async function keepBusy(holdfast: Holdfast, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const id = await holdfast.startBackup(["AUDIT_LOG"]);
    while (!signal.aborted && !(await hasEnded(holdfast, id))) await sleep(100);
    if (signal.aborted) await holdfast.cancel(id);
  }
}

async function hasEnded({ sql }: Holdfast, id: string): Promise<boolean> {
  const [row] = await sql`select finished_at is not null as ended from holdfast.runs where id = ${id}`;
  return row?.["ended"] === true;
}

/** One after another, as a client does that waits for its answers. */
async function sendRequests(holdfast: Holdfast): Promise<number[]> {
  const times: number[] = [];
  const ids: string[] = [];
  for (let n = 0; n < REQUESTS; n += 1) {
    const sentMs = performance.now();
    ids.push(await holdfast.startBackup(["SMALL"]));
    times.push(performance.now() - sentMs);
    await sleep(PAUSE_MS);
  }
  // What they have started is not what is measured here.
  for (const id of ids) await holdfast.cancel(id);
  return times;
}

/** All subscribers on one backup, and a queue behind it. */
async function measureSubscribers(
  holdfast: Holdfast,
): Promise<Pick<LoadFigures, "startBackupUnderLoadMs" | "subscribers" | "queue">> {
  const { sql } = holdfast;
  await sql.unsafe("alter table holdfast.runs enable trigger note_run_change");
  const crowd = fork(path.join(import.meta.dirname, "load-subscribers-process.ts"));
  await nextMessage(crowd);
  // Both of the worker's places are taken, so that the run waits until everybody is there.
  const before = [await holdfast.startBackup(["AUDIT_LOG"]), await holdfast.startBackup(["AUDIT_LOG"])];
  const watched = await holdfast.startBackup(ALL);
  const { url, authorization } = holdfast;
  const order: SubscribersOrder = { url, authorization, runId: watched, count: SUBSCRIBERS };
  crowd.send(order);
  await nextMessage(crowd);
  const ended = nextMessage(crowd);
  const queuedMs = performance.now();
  const queued = await Promise.all(
    Array.from({ length: QUEUED_RUNS }, () => holdfast.startBackup(["SMALL"])),
  );
  for (const id of before) await holdfast.cancel(id);
  const times = await sendRequests(holdfast);
  await ended;
  await holdfast.settled();
  const seconds = (performance.now() - queuedMs) / 1000;
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
  return {
    startBackupUnderLoadMs: quantilesOf(times),
    subscribers: { ...report, dropped: SUBSCRIBERS - report.ended },
    queue: { runs: queued.length, succeeded: Number(done?.["succeeded"]), seconds },
  };
}

/** The same backup by the engine alone, and through API, queue, ledger and worker with a subscriber who watches it. */
async function measurePair(bench: BenchContext, holdfast: Holdfast, isEngineFirst: boolean): Promise<Pair> {
  const { server } = bench;
  const acts = holdfastActs(bench, randomUUID());
  const engine = async (): Promise<Cost> => {
    const beforeSeconds = await server.cpuSeconds();
    const { wallSeconds, clientSeconds } = await acts.backup(ALL);
    await rest();
    await acts.forget();
    return { wallSeconds, cpuSeconds: clientSeconds + (await server.cpuSeconds()) - beforeSeconds };
  };
  const whole = async (): Promise<Cost> => {
    const beforeSeconds = (await server.cpuSeconds()) + (await holdfast.cpuSeconds());
    const startedMs = performance.now();
    const id = await holdfast.startBackup(ALL);
    await watchToEnd(holdfast, id);
    const wallSeconds = (performance.now() - startedMs) / 1000;
    await rest();
    return {
      wallSeconds,
      cpuSeconds: (await server.cpuSeconds()) + (await holdfast.cpuSeconds()) - beforeSeconds,
    };
  };
  if (isEngineFirst) return { engine: await engine(), whole: await whole() };
  const wholeFirst = await whole();
  return { engine: await engine(), whole: wholeFirst };
}

/** Until the server's sessions have ended, and their time is counted. */
const rest = (): Promise<void> => sleep(300);

async function watchToEnd({ url, authorization }: Holdfast, id: string): Promise<void> {
  const response = await fetch(`${url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "text/event-stream", authorization },
    body: JSON.stringify({
      query:
        "subscription ($id: ID!) { backupProgress(id: $id) { status progress { percent rows etaSeconds } } }",
      variables: { id },
    }),
  });
  const text = await response.text();
  if (!text.includes('"SUCCEEDED"')) throw new Error(`a backup of the bench failed: ${text.slice(-500)}`);
}

function resultOf(figures: LoadFigures): Result {
  const { subscribers, queue, peakBytes, bookkeeping } = figures;
  const times = (what: string, { count, p50, p95, p99, max }: Quantiles): string[] => [
    what,
    ...[p50, p95, p99, max].map((ms) => ms.toFixed(0)),
    String(count),
  ];
  const mb = (bytes: number): string => (bytes / 1e6).toFixed(0);
  const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
  const atMost = (what: string, found: number, limit: number) =>
    ({ what, found, limit, direction: "at most" }) as const;
  return {
    name: "load",
    tables: [
      {
        title: "Milliseconds, while a backup runs at full speed",
        columns: ["", "p50", "p95", "p99", "most", "measured"],
        rows: [
          times("startBackup", figures.startBackupMs),
          times(
            `startBackup, ${SUBSCRIBERS} subscribers, ${queue.runs} runs queued`,
            figures.startBackupUnderLoadMs,
          ),
          times("a change reaches a subscriber", subscribers.latencyMs),
        ],
      },
      {
        title: `${SUBSCRIBERS} subscribers of one run, ${queue.runs} runs behind it`,
        columns: ["", "found"],
        rows: [
          ["subscribers that did not see the end", String(subscribers.dropped)],
          ["subscribers that saw the percentage fall", String(subscribers.fallen)],
          ["errors", String(subscribers.errors.length)],
          ["states received", String(subscribers.events)],
          ["queued runs that succeeded", `${queue.succeeded}, within ${queue.seconds.toFixed(1)} s`],
          [
            "peak MB at start, of backups, under load",
            [peakBytes.idle, peakBytes.oneBackup, peakBytes.underLoad].map(mb).join(", "),
          ],
          ["more wall time than the engine alone", percent(bookkeeping.wallShare)],
          ["more CPU time than the engine alone", percent(bookkeeping.cpuShare)],
        ],
      },
    ],
    goals: [
      atMost("startBackup, p99 ms", figures.startBackupMs.p99, 250),
      atMost("startBackup under load, p99 ms", figures.startBackupUnderLoadMs.p99, 250),
      atMost("a change reaches a subscriber, p95 ms", subscribers.latencyMs.p95, 250),
      atMost("subscribers dropped, or shown less than before", subscribers.dropped + subscribers.fallen, 0),
      atMost("queued runs that did not succeed", queue.runs - queue.succeeded, 0),
      atMost("progress, ledger and subscription: share of CPU time", bookkeeping.cpuShare, 0.02),
    ],
    figures,
  };
}
