// Worker processes that share backups, with a ledger on the bench's server and a Redis of their own; and what they take.
import { spawn, type ChildProcess } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { pino } from "pino";
import { findFreePort } from "../src/embedded/free-port.ts";
import { findArtifact } from "../src/ledger/artifacts.ts";
import { identifyInstallation, migrateLedger, openLedger } from "../src/ledger/connect.ts";
import { createRun, findRun } from "../src/ledger/runs.ts";
import { openQueue } from "../src/queue/queue.ts";
import { forkAsWorker, nextMessage, TICKS_PER_SECOND } from "./child.ts";
import type { BenchContext } from "./context.ts";
import type { WorkerOrder } from "./wide-worker-process.ts";

/** Seconds of CPU. */
export interface WorkerTimes {
  readonly all: number;
  /** Of the thread that runs JavaScript: the others compress, and write files. */
  readonly main: number;
}

export interface SharedBackup {
  readonly rawBytes: number;
  readonly storedBytes: number;
  /** Pieces that others than the coordinator have done. */
  readonly pieces: number;
}

export interface Workshop extends AsyncDisposable {
  backUp(entities: readonly string[]): Promise<SharedBackup>;
  /** Of all workers together, since they started. */
  times(): Promise<WorkerTimes>;
}

const CONNECTIONS = 2;
const LOOK_MS = 10;

/** @param workers how many processes */
export async function startWorkshop(
  { server, directory, key }: BenchContext,
  workers: number,
  pieceBytes?: number,
): Promise<Workshop> {
  await using opened = new AsyncDisposableStack();
  const name = `holdfast_wide_${randomUUID().slice(0, 8)}`;
  await server.sql.unsafe(`create database ${name}`);
  opened.defer(async () => void (await server.sql.unsafe(`drop database ${name} with (force)`)));
  const ownUrl = new URL(server.url);
  ownUrl.pathname = `/${name}`;
  const redisUrl = await startRedis(opened);
  await migrateLedger(ownUrl.href);
  const ledger = openLedger(ownUrl.href);
  opened.defer(() => ledger.close());
  const namespace = await identifyInstallation(ledger);
  const log = pino({ level: "warn" }, pino.destination(2));
  const queue = await openQueue({ redisUrl, databaseUrl: ownUrl.href, namespace, log });
  opened.defer(() => queue.close());
  const order: WorkerOrder = {
    ...{ benchUrl: server.url, ownUrl: ownUrl.href, redisUrl, pieceBytes },
    directory: path.join(directory, name),
    connections: CONNECTIONS,
  };
  const children: ChildProcess[] = [];
  for (let n = 0; n < workers; n += 1) {
    const child = forkAsWorker("wide-worker-process.ts");
    opened.defer(async () => {
      if (child.exitCode !== null) return;
      child.disconnect();
      await once(child, "exit");
    });
    await nextMessage(child);
    child.send(order);
    await nextMessage(child);
    children.push(child);
  }
  const closing = opened.move();
  return {
    async backUp(entities) {
      const { run } = await createRun(ledger, {
        id: randomUUID(),
        kind: "BACKUP",
        entities: [...entities],
        request: { label: null, encryption: "RECIPIENTS", recipients: [key.recipient], stores: ["local"] },
        requestedById: "1",
        requestedBy: "bench",
      });
      await queue.enqueue(run.kind, run.id);
      for (;;) {
        const found = await findRun(ledger, run.id);
        if (found?.status === "SUCCEEDED") break;
        if (found?.status === "FAILED")
          throw new Error(`a backup of the bench failed: ${found.errorMessage}`);
        await sleep(LOOK_MS);
      }
      const artifact = await findArtifact(ledger, run.id);
      const [done] = await ledger.sql<{ pieces: number }[]>`
        select count(*)::int as pieces from holdfast.pieces where run_id = ${run.id} and status = 'DONE'`;
      return {
        rawBytes: artifact?.rawBytes ?? 0,
        storedBytes: artifact?.sizeBytes ?? 0,
        pieces: done?.pieces ?? 0,
      };
    },
    async times() {
      const each = await Promise.all(children.map(timesOf));
      return {
        all: each.reduce((sum, { all }) => sum + all, 0),
        main: each.reduce((sum, { main }) => sum + main, 0),
      };
    },
    [Symbol.asyncDispose]: () => closing.disposeAsync(),
  };
}

/** Debian's, in memory alone. @returns its URL */
async function startRedis(opened: AsyncDisposableStack): Promise<string> {
  const port = await findFreePort();
  const settings = [
    "--port",
    String(port),
    "--bind",
    "127.0.0.1",
    "--save",
    "",
    "--maxmemory-policy",
    "noeviction",
  ];
  const child = spawn("redis-server", settings, { stdio: "ignore" });
  opened.defer(async () => {
    child.kill();
    await once(child, "exit");
  });
  const url = `redis://127.0.0.1:${port}`;
  const redis = new Redis(url, { maxRetriesPerRequest: null });
  redis.on("error", () => undefined);
  await redis.ping();
  redis.disconnect();
  return url;
}

async function timesOf({ pid }: ChildProcess): Promise<WorkerTimes> {
  return {
    all: await cpuSecondsIn(`/proc/${pid}/stat`),
    main: await cpuSecondsIn(`/proc/${pid}/task/${pid}/stat`),
  };
}

async function cpuSecondsIn(file: string): Promise<number> {
  const stat = await readFile(file, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}
