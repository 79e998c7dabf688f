// What progress, the ledger and a subscription cost beside the engine. Two backups differ by more than that, so it is not found by
// comparing them: it is measured by itself, without rows that move, and set against what a backup takes. A run has what
// comes once (request, queue, claim, artifact, end): what many backups of small tables take more than by the engine alone; and what comes
// with each change (written, announced, read, told to a subscriber), of which many are made here at the pace of a backup.
import { randomUUID } from "node:crypto";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { entityNamed } from "../src/core/catalog.ts";
import type { Progress } from "../src/core/run.ts";
import { storeSink } from "../src/engine/artifact-io.ts";
import { backup } from "../src/engine/backup.ts";
import { claimRun, finishRun, writeProgress } from "../src/ledger/attempts.ts";
import { openLedger } from "../src/ledger/connect.ts";
import { createRun } from "../src/ledger/runs.ts";
import { fsStore } from "../src/store/fs.ts";
import { holdfastActs, type BenchContext } from "./context.ts";
import type { Holdfast } from "./load-holdfast.ts";
import { median } from "./quantiles.ts";
import { benchCatalog } from "./tables.ts";

const CHANGES = 150;
/** Closer together than a worker makes them, so that many are measured in a short time. */
const PACE_MS = 100;
const SMALL_BACKUPS = 40;

/** Seconds are CPU seconds of server and client. */
export interface Bookkeeping {
  /** The engine alone. */
  readonly backupSeconds: number;
  /** What a backup of small tables takes more than by the engine alone. */
  readonly runSeconds: number;
  readonly changeSeconds: number;
  /** In a backup of everything. */
  readonly changes: number;
  /** Of a backup's CPU time. */
  readonly share: number;
}

/** Medians over the rounds. */
export async function measureBookkeeping(
  bench: BenchContext,
  holdfast: Holdfast,
  entities: readonly string[],
): Promise<Bookkeeping> {
  const backups: number[] = [];
  const runs: number[] = [];
  const changes: number[] = [];
  const counts: number[] = [];
  const meter = createMeter(bench, holdfast);
  // Neither process has to compile anything any more.
  await repeat(SMALL_BACKUPS, () => backUp(holdfast, ["SMALL"]));
  await repeat(SMALL_BACKUPS, () => backUpSmall(bench));
  for (let round = 0; round < bench.options.rounds; round += 1) {
    backups.push(await measureEngine(bench, entities));
    const id = await backUp(holdfast, entities);
    const { count, progress } = await lastOf(holdfast, id);
    counts.push(count);
    const whole = await meter(() => repeat(SMALL_BACKUPS, () => backUp(holdfast, ["SMALL"])));
    const alone = await meter(() => repeat(SMALL_BACKUPS, () => backUpSmall(bench)));
    runs.push((whole - alone) / SMALL_BACKUPS);
    changes.push(await measureChange(bench, holdfast, meter, progress));
  }
  const found = {
    backupSeconds: median(backups),
    runSeconds: median(runs),
    changeSeconds: median(changes),
    changes: median(counts),
  };
  return {
    ...found,
    share: (found.runSeconds + found.changes * found.changeSeconds) / found.backupSeconds,
  };
}

async function measureEngine(bench: BenchContext, entities: readonly string[]): Promise<number> {
  const acts = holdfastActs(bench, randomUUID());
  const beforeSeconds = await bench.server.cpuSeconds();
  const { clientSeconds } = await acts.backup(entities);
  await sleep(300);
  await acts.forget();
  return clientSeconds + (await bench.server.cpuSeconds()) - beforeSeconds;
}

/** By the engine alone, in this process. */
async function backUpSmall({ server, directory, key }: BenchContext): Promise<void> {
  const store = fsStore({ directory: path.join(directory, "small") });
  const artifactId = randomUUID();
  await backup(
    { databaseUrl: () => server.url, sink: storeSink(store, artifactId) },
    {
      ...{ artifactId, createdAt: new Date() },
      entities: [entityNamed(benchCatalog, "SMALL")],
      encryption: { kind: "RECIPIENTS", recipients: [key.recipient] },
    },
    { signal: new AbortController().signal, onProgress: () => undefined },
  );
}

type Meter = (act: () => Promise<unknown>) => Promise<number>;

/** Of server and client, this process too: what an act takes, less what as long a time takes in which nothing happens. */
function createMeter({ server }: BenchContext, holdfast: Holdfast): Meter {
  const now = async (): Promise<number> => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6 + (await server.cpuSeconds()) + (await holdfast.cpuSeconds());
  };
  return async (act) => {
    const beforeSeconds = await now();
    const startedMs = performance.now();
    await act();
    const tookMs = performance.now() - startedMs;
    const afterSeconds = await now();
    await sleep(tookMs);
    return afterSeconds - beforeSeconds - ((await now()) - afterSeconds);
  };
}

/** Changes of a run that nobody works on, as a worker writes them, with a subscriber. */
async function measureChange(
  { server }: BenchContext,
  holdfast: Holdfast,
  meter: Meter,
  progress: Progress,
): Promise<number> {
  const ownUrl = new URL(server.url);
  ownUrl.pathname = `/${holdfast.database}`;
  const ledger = openLedger(ownUrl.href, { maxConnections: 1 });
  try {
    const request = { label: null, encryption: "NONE", recipients: [], stores: ["local"] } as const;
    const requester = { requestedById: null, requestedBy: null };
    const entities = ["SMALL"];
    const { run } = await createRun(ledger, {
      id: randomUUID(),
      kind: "BACKUP",
      entities,
      request,
      ...requester,
    });
    const claim = await claimRun(ledger, run.id);
    if (claim.state !== "claimed") throw new Error("a run of the bench was claimed by another");
    const { lease } = claim;
    const watching = watchToEnd(holdfast, run.id);
    const change = async (): Promise<void> => {
      await writeProgress(ledger, lease, progress);
      await sleep(PACE_MS);
    };
    await repeat(CHANGES / 10, change);
    const seconds = await meter(() => repeat(CHANGES, change));
    await finishRun(ledger, lease, { status: "SUCCEEDED" });
    await watching;
    return seconds / CHANGES;
  } finally {
    await ledger.close();
  }
}

/** Watched from its beginning to its end. @returns the run's id */
async function backUp(holdfast: Holdfast, entities: readonly string[]): Promise<string> {
  const id = await holdfast.startBackup(entities);
  await watchToEnd(holdfast, id);
  return id;
}

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

/** How often the run was changed, and what it said at last. */
async function lastOf({ sql }: Holdfast, id: string): Promise<{ count: number; progress: Progress }> {
  const [row] = await sql<{ count: number; progress: Progress }[]>`
    select revision::int as count, progress from holdfast.runs where id = ${id}`;
  if (row === undefined) throw new Error(`the run ${id} of the bench is gone`);
  return row;
}

async function repeat(times: number, act: () => Promise<unknown>): Promise<void> {
  for (let n = 0; n < times; n += 1) await act();
}
