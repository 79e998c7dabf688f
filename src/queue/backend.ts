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
import { OWN_DATABASE } from "../core/catalog.ts";
import { readConnectionUrl, type ConnectionTarget } from "../dial/connection-url.ts";
import { PgSocket } from "./pg-socket.ts";

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

/**
 * BullMQ's tables have a schema of their own in Holdfast's database; whoever opens it first makes them.
 * @throws HoldfastError CONFIG_INVALID for a URL that is not one
 */
export function postgresBackend(
  url: string,
  namespace: string,
): Backend<PostgresQueueBackend, PostgresPoolConfig> {
  const target = readConnectionUrl(OWN_DATABASE, url);
  return {
    factory: createPostgresBackend,
    connection: {
      ...target.account,
      stream: () => new PgSocket(target),
      ssl: false,
      migrate: true,
      // The queue has a pool of its own, and so has each worker, which holds one connection more, to listen.
      max: 3,
      keepAlive: true,
      connectionTimeoutMillis: 5_000,
      application_name: "holdfast-queue",
      options: optionsOf(target),
    },
    prefix: namespace,
    close: () => undefined,
  };
}

/** As the server takes them on its command line: a space, or a backslash, of a value stands behind a backslash. */
function optionsOf({ settings }: ConnectionTarget): string {
  const given = Object.entries(settings).map(([name, value]) =>
    name === "options" ? value : `-c ${name}=${value.replaceAll(/[\\\s]/g, "\\$&")}`,
  );
  // What a crash of the server takes from the queue is found again in the ledger: nobody waits for the disk.
  return [...given, "-c synchronous_commit=off"].join(" ");
}
