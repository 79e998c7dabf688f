// Where the queue lives: the one place that knows of two backends.
import {
  createPostgresBackend,
  createRedisBackend,
  type BackendFactory,
  type ConnectionOptions,
  type IQueueBackend,
  type PostgresPoolConfig,
  type PostgresQueueBackend,
  type RedisQueueBackend,
} from "bullmq";
import { Redis } from "ioredis";
import type { Logger } from "pino";

export interface Backend<B extends IQueueBackend, C> {
  readonly factory: BackendFactory<B, C>;
  /** For everything that is opened on the backend. */
  readonly connection: C;
  /** Keeps the keys of several Holdfasts on one Redis apart. */
  readonly prefix: string;
  /** To be called after everything that was opened on it is closed. */
  close(): void;
}

export function redisBackend(
  url: string,
  namespace: string,
  log: Logger,
): Backend<RedisQueueBackend, ConnectionOptions> {
  // BullMQ insists on null: a command waits for the connection instead of failing.
  const redis = new Redis(url, { maxRetriesPerRequest: null });
  redis.on("error", (error) => log.warn({ err: error }, "redis cannot be reached"));
  return {
    factory: createRedisBackend,
    connection: redis,
    prefix: `holdfast:${namespace}`,
    close: () => redis.disconnect(),
  };
}

/** BullMQ's tables have a schema of their own in Holdfast's database; whoever opens it first makes them. */
export function postgresBackend(
  url: string,
  namespace: string,
): Backend<PostgresQueueBackend, PostgresPoolConfig> {
  return {
    factory: createPostgresBackend,
    connection: {
      connectionString: url,
      migrate: true,
      // The queue has a pool of its own, and so has each worker, which holds one connection more, to listen.
      max: 3,
      keepAlive: true,
      connectionTimeoutMillis: 5_000,
      application_name: "holdfast-queue",
      // What a crash of the server takes from the queue is found again in the ledger: nobody waits for the disk.
      options: "-c synchronous_commit=off",
    },
    prefix: namespace,
    close: () => undefined,
  };
}
