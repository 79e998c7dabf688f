// An application with tables in two databases, and a configuration file that protects them.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import postgres, { type Sql } from "postgres";
import { createDatabase } from "../support/postgres.ts";

export interface ConfiguredWorld extends AsyncDisposable {
  /** Holds `holdfast.config.ts`. */
  readonly directory: string;
  readonly configFile: string;
  /** Has the schemas public and shop. */
  readonly app: Sql;
  readonly appUrl: string;
  readonly logs: Sql;
  readonly logsUrl: string;
  /** Of Holdfast's own, empty. */
  readonly ownUrl: string;
}

const APP = `
  CREATE SCHEMA shop;
  CREATE TABLE customers (id int PRIMARY KEY, name text NOT NULL);
  CREATE TABLE shop."Order.Lines" (id int PRIMARY KEY, customer int NOT NULL REFERENCES customers, note text);
  INSERT INTO customers SELECT n, 'customer ' || n FROM generate_series(1, 30) n;
  INSERT INTO shop."Order.Lines" SELECT n, n % 30 + 1, 'note ' || n FROM generate_series(1, 90) n;`;
const LOGS = `
  CREATE TABLE events (at timestamptz NOT NULL, what text) PARTITION BY RANGE (at);
  CREATE TABLE events_2026 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
  INSERT INTO events SELECT '2026-03-01'::timestamptz + n * interval '1 hour', 'event ' || n FROM generate_series(1, 50) n;`;

const CONFIG = `
import { defineConfig, entity, stores } from "holdfast";

export default defineConfig({
  databases: { app: { url: process.env.APP_DATABASE_URL }, logs: { url: process.env.LOGS_DATABASE_URL } },
  groups: {
    people: {
      entities: {
        customers: entity({ database: "app", tables: ["customers"], read: "READ_PEOPLE", write: "WRITE_PEOPLE" }),
        orderLines: entity({ database: "app", tables: ['shop."Order.Lines"'] }),
      },
    },
    logs: { entities: { events: entity({ database: "logs", tables: ["events"], optIn: true, keyless: true }) } },
  },
  stores: { near: stores.fs({ directory: import.meta.dirname + "/near" }), far: stores.fs({ directory: "far" }) },
  defaultStores: ["near"],
  metrics: { port: 0 },
});
`;

export async function createConfiguredWorld(config = CONFIG): Promise<ConfiguredWorld> {
  await using opened = new AsyncDisposableStack();
  const directory = await mkdtemp(path.join(tmpdir(), "holdfast-configured-"));
  opened.defer(() => rm(directory, { recursive: true, force: true }));
  const configFile = path.join(directory, "holdfast.config.ts");
  await writeFile(configFile, config);
  const database = async (statements: string): Promise<[Sql, string]> => {
    const { url } = opened.use(await createDatabase());
    const sql = postgres(url, { max: 1, onnotice: () => undefined });
    opened.defer(() => sql.end());
    await sql.unsafe(statements);
    return [sql, url];
  };
  const [app, appUrl] = await database(APP);
  const [logs, logsUrl] = await database(LOGS);
  const { url: ownUrl } = opened.use(await createDatabase());
  const closing = opened.move();
  return {
    ...{ directory, configFile, app, appUrl, logs, logsUrl, ownUrl },
    [Symbol.asyncDispose]: () => closing.disposeAsync(),
  };
}

/** The rows of every table, as one hash each. */
export async function hashesOf({ app, logs }: Pick<ConfiguredWorld, "app" | "logs">): Promise<string[]> {
  const hash = async (sql: Sql, table: string): Promise<string> => {
    const [row] = await sql.unsafe<{ hash: string }[]>(
      `SELECT coalesce(sum(hashtextextended(t::text, 0)), 0)::text AS hash FROM ${table} t`,
    );
    return row?.hash ?? "";
  };
  return [await hash(app, "customers"), await hash(app, `shop."Order.Lines"`), await hash(logs, "events")];
}
