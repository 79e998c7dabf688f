// The queue for tests: on Redis where REDIS_URL is set, otherwise in the test's own database.
import { randomUUID } from "node:crypto";
import { Redis } from "ioredis";
import { pino } from "pino";
import postgres from "postgres";
import { onTestFinished } from "vitest";
import { openQueue, type RunQueue } from "../../src/queue/queue.ts";

export const redisUrl = process.env["REDIS_URL"];

export interface TestQueueOptions {
  readonly databaseUrl: string;
  readonly namespace: string;
  /** In the place of REDIS_URL. */
  readonly redisUrl?: string;
}

/** Closed when the test ends. */
export async function testQueue(options: TestQueueOptions): Promise<RunQueue> {
  const queue = await openQueue({ redisUrl, log: pino({ level: "silent" }), ...options });
  onTestFinished(() => queue.close());
  return queue;
}

export function newNamespace(): string {
  return randomUUID();
}

/** Everything that the queue keeps anywhere, as text. */
export async function readWholeQueue({ databaseUrl, namespace }: TestQueueOptions): Promise<string> {
  return redisUrl === undefined ? readTables(databaseUrl) : readKeys(redisUrl, namespace);
}

/** As after a FLUSHALL, or a database restored without its jobs. */
export async function loseWholeQueue({ databaseUrl, namespace }: TestQueueOptions): Promise<void> {
  if (redisUrl === undefined) {
    const sql = postgres(databaseUrl, { max: 1, onnotice: () => undefined });
    await sql`truncate bullmq.job, bullmq.scheduler, bullmq.event, bullmq.meta cascade`;
    await sql.end();
    return;
  }
  const redis = new Redis(redisUrl);
  // Only this test's keys: others use the same server.
  const keys = await redis.keys(`holdfast:${namespace}:*`);
  if (keys.length > 0) await redis.del(keys);
  redis.disconnect();
}

async function readTables(databaseUrl: string): Promise<string> {
  const sql = postgres(databaseUrl, { max: 1 });
  const tables = await sql<{ name: string }[]>`
    select table_name as name from information_schema.tables where table_schema = 'bullmq'`;
  const contents = await Promise.all(tables.map(({ name }) => sql`select * from ${sql(`bullmq.${name}`)}`));
  await sql.end();
  return JSON.stringify(contents);
}

async function readKeys(url: string, namespace: string): Promise<string> {
  const redis = new Redis(url);
  const keys = await redis.keys(`holdfast:${namespace}:*`);
  const values = await Promise.all(keys.map(async (key) => [key, await readKey(redis, key)]));
  redis.disconnect();
  return JSON.stringify(values);
}

async function readKey(redis: Redis, key: string): Promise<unknown> {
  const type = await redis.type(key);
  switch (type) {
    case "string":
      return redis.get(key);
    case "hash":
      return redis.hgetall(key);
    case "list":
      return redis.lrange(key, 0, -1);
    case "set":
      return redis.smembers(key);
    case "zset":
      return redis.zrange(key, "0", "-1");
    case "stream":
      return redis.xrange(key, "-", "+");
    case "none":
      return undefined;
    default:
      throw new Error(`the queue keeps a ${type}, which this test cannot read`);
  }
}
