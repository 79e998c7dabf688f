// One act of Holdfast's engine in a process of its own, as a worker does it: started first, then told to go, so that what is
// measured is the act and not the start of Node.
import { randomUUID } from "node:crypto";
import { mkdir, rm } from "node:fs/promises";
import { generateIdentity } from "../src/codec/age.ts";
import { collectAll } from "../src/codec/spent-buffers.ts";
import type { Progress, RestoreMode } from "../src/core/run.ts";
import { storeSink, storeSource } from "../src/engine/artifact-io.ts";
import { backup } from "../src/engine/backup.ts";
import { forgetRestore, restore } from "../src/engine/restore.ts";
import { fsStore } from "../src/store/fs.ts";
import { peakBytesOf } from "./child.ts";
import { benchCatalog } from "./tables.ts";

export type Order =
  | { readonly act: "backup"; readonly entities: readonly string[]; readonly recipient: string }
  | {
      readonly act: "restore";
      readonly entities: readonly string[];
      readonly identity: string;
      readonly mode: RestoreMode;
      readonly dryRun: boolean;
    };

export type Message = Order & {
  readonly url: string;
  readonly directory: string;
  readonly artifactId: string;
  readonly connections?: number;
};

/** Sent once, before the answer, by a restore that has loaded all of its rows, and has yet to compare and to apply them. */
export interface Loaded {
  readonly loaded: {
    readonly wallSeconds: number;
    readonly cpuSeconds: number;
    /** Of that, of the thread that runs JavaScript. */
    readonly mainSeconds: number;
  };
}

export interface Answer {
  readonly wallSeconds: number;
  readonly cpuSeconds: number;
  readonly peakBytes: number;
  readonly result: unknown;
}

const { signal } = new AbortController();

async function perform(message: Message, onLoaded: () => void): Promise<unknown> {
  let hasLoaded = false;
  const control = {
    signal,
    onProgress: ({ phase }: Progress): void => {
      if (phase === "comparing" && !hasLoaded) onLoaded();
      hasLoaded ||= phase === "comparing";
    },
  };
  const store = fsStore({ directory: message.directory });
  const databaseUrl = () => message.url;
  const connections = message.connections === undefined ? {} : { connections: message.connections };
  const { artifactId } = message;
  if (message.act === "backup") {
    const entities = message.entities.flatMap((name) => benchCatalog.entities.get(name) ?? []);
    await rm(`${message.directory}/${artifactId}`, { recursive: true, force: true });
    const { sizeBytes, rawBytes, rows } = await backup(
      { databaseUrl, sink: storeSink(store, artifactId), ...connections },
      {
        artifactId,
        createdAt: new Date(),
        entities,
        encryption: { kind: "RECIPIENTS", recipients: [message.recipient] },
      },
      control,
    );
    return { sizeBytes, rawBytes, rows };
  }
  const runId = randomUUID();
  const result = await restore(
    { databaseUrl, catalog: benchCatalog, source: storeSource(store, artifactId), ...connections },
    {
      runId,
      attempt: 1,
      entities: message.entities,
      mode: message.mode,
      dryRun: message.dryRun,
      unlock: { identity: message.identity },
    },
    control,
  );
  await forgetRestore({ databaseUrl }, { runId, database: "bench" }, signal);
  return result;
}

const secondsOf = ({ user, system }: NodeJS.CpuUsage): number => (user + system) / 1e6;

process.on("message", (message: Message) => {
  void (async () => {
    await mkdir(message.directory, { recursive: true });
    await peakBytesOf(process);
    const cpu = process.cpuUsage();
    const main = process.threadCpuUsage();
    const started = performance.now();
    const taken = () => ({
      wallSeconds: (performance.now() - started) / 1000,
      cpuSeconds: secondsOf(process.cpuUsage(cpu)),
    });
    const result = await perform(message, () => {
      const mainSeconds = secondsOf(process.threadCpuUsage(main));
      process.send?.({ loaded: { ...taken(), mainSeconds } } satisfies Loaded);
    });
    const times = taken();
    process.send?.({ ...times, peakBytes: await peakBytesOf(process), result } satisfies Answer);
    process.disconnect();
  })();
});
// Loads what age needs, so that the first act does not.
await generateIdentity();
// As `holdfast worker` does.
collectAll();
process.send?.("ready");
