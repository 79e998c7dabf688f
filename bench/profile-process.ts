// A backup of the large table through the first so many of its stages.
import { mkdir, rm } from "node:fs/promises";
import { createAgeEncryptor, generateIdentity } from "../src/codec/age.ts";
import { createCompressor } from "../src/codec/compress.ts";
import { sha256 } from "../src/codec/digest.ts";
import { PART_RAW_BYTES, type RowBatch } from "../src/codec/part.ts";
import { RowSum } from "../src/codec/row-sum.ts";
import { openDatabase } from "../src/postgres/connect.ts";
import { copyOut, planCopies } from "../src/postgres/copy-out.ts";
import { openSnapshot } from "../src/postgres/snapshot.ts";
import { fsStore } from "../src/store/fs.ts";
import type { Store } from "../src/store/store.ts";
import { LARGE } from "./tables.ts";

export interface StageOrder {
  readonly url: string;
  /** Of the store; deleted after. */
  readonly directory: string;
  readonly recipient: string;
  /** Place of the last stage, from 0. */
  readonly upTo: number;
}

export interface StageAnswer {
  readonly wallSeconds: number;
  readonly cpuSeconds: number;
}

const CONNECTIONS = 2;

async function perform({ url, directory, recipient, upTo }: StageOrder): Promise<void> {
  const signal = new AbortController().signal;
  const database = openDatabase({
    name: "bench",
    url,
    applicationName: "bench",
    maxConnections: CONNECTIONS,
  });
  const store = fsStore({ directory });
  await using snapshot = await openSnapshot(database, [{ schema: "public", name: LARGE }], signal);
  const { serverVersion } = snapshot.leader;
  const tasks = planCopies(snapshot.tables, { connections: CONNECTIONS, serverVersion }).values();
  const sessions = [snapshot.leader, await snapshot.join(signal)];
  let parts = 0;
  await Promise.all(
    sessions.map(async (session) => {
      for (const task of tasks) {
        const sum = new RowSum();
        let part: Part | undefined;
        for await (const batch of copyOut(session, task)) {
          if (upTo >= 1) sum.add(batch.bytes);
          if (upTo < 2) batch.release();
          else {
            part ??= await openPart(upTo, recipient);
            await part.write(batch);
            if (part.rawBytes < PART_RAW_BYTES) continue;
            await part.store(store, `parts/${(parts += 1)}`, upTo);
            part = undefined;
          }
        }
        await part?.store(store, `parts/${(parts += 1)}`, upTo);
      }
    }),
  );
  await snapshot.close();
  await database.close();
}

interface Part {
  rawBytes: number;
  write(batch: RowBatch): Promise<void>;
  store(store: Store, key: string, upTo: number): Promise<void>;
}

async function openPart(upTo: number, recipient: string): Promise<Part> {
  const encryptor = upTo >= 3 ? await createAgeEncryptor({ recipients: [recipient] }) : undefined;
  const pieces: Buffer[] = [];
  const compressor = createCompressor((bytes) => {
    pieces.push(...(encryptor === undefined ? [bytes] : encryptor.update(bytes)));
  });
  let compressing: Promise<void> = Promise.resolve();
  const part: Part = {
    rawBytes: 0,
    async write({ bytes, release }) {
      part.rawBytes += bytes.length;
      const before = compressing;
      compressing = compressor.write(bytes).then(release);
      await before;
    },
    async store(store, key, upTo) {
      await compressing;
      await compressor.end();
      if (encryptor !== undefined) pieces.push(...encryptor.final());
      const bytes = Buffer.concat(pieces);
      if (upTo >= 4) sha256(bytes);
      if (upTo >= 5) await store.put(key, bytes);
    },
  };
  return part;
}

process.on("message", (order: StageOrder) => {
  void (async () => {
    await mkdir(order.directory, { recursive: true });
    const cpu = process.cpuUsage();
    const started = performance.now();
    await perform(order);
    const wallSeconds = (performance.now() - started) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    await rm(order.directory, { recursive: true, force: true });
    process.send?.({ wallSeconds, cpuSeconds: (user + system) / 1e6 } satisfies StageAnswer);
    process.disconnect();
  })();
});
// Loads what age needs, so that the first act does not.
await generateIdentity();
process.send?.("ready");
