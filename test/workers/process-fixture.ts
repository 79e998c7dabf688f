// Worker processes under a test's control, and everything else that the processes of a Holdfast share.
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { onTestFinished, vi } from "vitest";
import { identifyInstallation, type Ledger } from "../../src/ledger/connect.ts";
import type { Run } from "../../src/ledger/run-row.ts";
import { createRun } from "../../src/ledger/runs.ts";
import type { RunWatcher } from "../../src/ledger/watch.ts";
import type { RunQueue } from "../../src/queue/queue.ts";
import { fsStore } from "../../src/store/fs.ts";
import { createDatabase } from "../support/postgres.ts";
import { backupRun, testLedger, testWatcher } from "../ledger/runs-fixture.ts";
import { testQueue, type TestQueueOptions } from "../queue/queue-fixture.ts";
import { label, type Pretence } from "./carriage-fixture.ts";

/** The first attempt ends only because somebody ends it. */
export const ENDLESS: Pretence = { steps: 10, stepMs: 20, endlessIn: 1 };

/** For tests that wait until dead workers are noticed, on machines that have other things to do. */
export const PATIENCE_MS = 120_000;
/** For one wait of such a test: before the test is given up, it says what was waited for. */
export const WAIT_MS = PATIENCE_MS / 2;

export function percents(states: readonly Run[]): number[] {
  return states.map(({ progress }) => progress.percent);
}

export interface LogLine {
  readonly msg: string;
  readonly runId?: string;
}

export interface WorkerProcess {
  readonly child: ChildProcess;
  /** What it has logged so far. */
  readonly lines: readonly LogLine[];
  /** Resolves once it has logged this, of that run if one is named. */
  logged(msg: string, runId?: string): Promise<void>;
  readonly exited: Promise<void>;
}

export interface Site {
  /** Of the processes' store. */
  readonly directory: string;
  readonly ledger: Ledger;
  readonly queue: RunQueue;
  readonly watcher: RunWatcher;
  readonly place: TestQueueOptions;
  /** @param more arguments, after those that every program is given */
  startWorker(concurrency?: number, ...more: string[]): Promise<WorkerProcess>;
  /** Writes a run and queues it, as a mutation does. */
  submit(pretence: Pretence, change?: { sealedSecret?: string }): Promise<Run>;
  /** Every state that a watcher of the run sees, until it ends. */
  follow(runId: string): Promise<Run[]>;
  /** The keys of everything in the store. */
  stored(): Promise<string[]>;
}

/** A Holdfast of the test's own, with workers of that program: its processes are killed, and everything is removed, when the test ends. */
export async function createSite(program = "worker-process.ts"): Promise<Site> {
  const database = await createDatabase({ migrated: true });
  onTestFinished(() => database.drop());
  const directory = await mkdtemp(path.join(tmpdir(), "holdfast-workers-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const ledger = testLedger(database.url);
  const place = { databaseUrl: database.url, namespace: await identifyInstallation(ledger) };
  const queue = await testQueue(place);
  const watcher = await testWatcher(ledger);

  return {
    directory,
    ledger,
    queue,
    watcher,
    place,
    startWorker: (concurrency = 4, ...more) =>
      startProcess(program, [database.url, directory, String(concurrency), ...more]),
    async submit(pretence, change = {}) {
      const { run } = await createRun(ledger, backupRun({ label: label(pretence), ...change }));
      await queue.enqueue(run.kind, run.id);
      return run;
    },
    async follow(runId) {
      const states: Run[] = [];
      for await (const run of watcher.watch(runId)) states.push(run);
      return states;
    },
    async stored() {
      const keys: string[] = [];
      for await (const { key } of fsStore({ directory }).list("")) keys.push(key);
      return keys;
    },
  };
}

async function startProcess(program: string, args: string[]): Promise<WorkerProcess> {
  const child = spawn(process.execPath, [path.join(import.meta.dirname, program), ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = Promise.withResolvers<void>();
  child.once("exit", () => exited.resolve());
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await exited.promise;
  });
  const lines: LogLine[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => {
    const logged: LogLine = JSON.parse(line);
    lines.push(logged);
  });
  const logged = (msg: string, runId?: string): Promise<void> =>
    vi.waitFor(
      () => {
        if (lines.some((line) => line.msg === msg && (runId === undefined || line.runId === runId))) return;
        throw new Error(`the worker has not logged "${msg}", but ${JSON.stringify(lines.slice(-5))}`);
      },
      { timeout: WAIT_MS, interval: 20 },
    );
  await logged("ready");
  return { child, lines, logged, exited: exited.promise };
}
