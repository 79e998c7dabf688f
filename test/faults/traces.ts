// What must not be left behind when every run has ended: asked of PostgreSQL, Redis, the stores and the directories themselves.
import { readdir } from "node:fs/promises";
import path from "node:path";
import { ListMultipartUploadsCommand, ListObjectsV2Command } from "@aws-sdk/client-s3";
import { Redis } from "ioredis";
import postgres from "postgres";
import type { Rig } from "./rig.ts";

/** @returns a line for each thing that is there and should not be */
export async function findTraces(rig: Rig): Promise<string[]> {
  const found = await Promise.all([
    inLedger(rig),
    inDatabases(rig),
    inSessions(rig),
    inLocalStore(rig),
    inRemoteStore(rig),
    inRedis(rig),
    inDirectories(rig),
  ]);
  return found.flat();
}

async function withSql<T>(url: string, ask: (sql: postgres.Sql) => Promise<T>): Promise<T> {
  const sql = postgres(url, { max: 1, connect_timeout: 5, connection: { application_name: "harness" } });
  try {
    return await ask(sql);
  } finally {
    await sql.end({ timeout: 1 });
  }
}

async function inLedger(rig: Rig): Promise<string[]> {
  return withSql(rig.ledgerUrl, async (sql) => {
    const rows = await sql<{ line: string }[]>`
      SELECT 'a sealed secret of run ' || id AS line FROM holdfast.runs
        WHERE sealed_secret IS NOT NULL AND finished_at IS NOT NULL
      UNION ALL SELECT 'run ' || id || ' may have left ' || unfinished_id FROM holdfast.runs
        WHERE unfinished_id IS NOT NULL AND finished_at IS NOT NULL
      UNION ALL SELECT 'a deletion of artifact ' || id || ' that is not finished' FROM holdfast.artifacts
        WHERE deletion_requested_at IS NOT NULL AND deleted_at IS NULL
      UNION ALL SELECT 'a failed store of artifact ' || id || ' that may have remains' FROM holdfast.artifacts
        WHERE deleted_at IS NULL AND failed_stores @> '[{"hasRemains": true}]'
      UNION ALL SELECT 'a reader of artifact ' || artifact_id FROM holdfast.artifact_readers`;
    return rows.map(({ line }) => line);
  });
}

async function inDatabases(rig: Rig): Promise<string[]> {
  const schemas = await Promise.all(
    [rig.appUrl, rig.archiveUrl].map((url) =>
      withSql(url, async (sql) => {
        const rows = await sql<{ name: string }[]>`
          SELECT nspname AS name FROM pg_namespace WHERE nspname LIKE 'holdfast%'`;
        return rows.map(({ name }) => `the schema ${name}`);
      }),
    ),
  );
  const databases = await withSql(rig.ledgerUrl, async (sql) => {
    const rows = await sql<{ name: string }[]>`
      SELECT datname AS name FROM pg_database WHERE datname LIKE 'holdfast_drill%'`;
    return rows.map(({ name }) => `the database ${name}`);
  });
  return [...schemas.flat(), ...databases];
}

/** Sessions may be there, for pools keep some: what they must not have is a transaction, a lock or a statement that runs on. */
async function inSessions(rig: Rig): Promise<string[]> {
  return withSql(rig.ledgerUrl, async (sql) => {
    const rows = await sql<{ line: string }[]>`
      SELECT 'a transaction of ' || application_name || ' in ' || coalesce(datname, '') || ', ' || state || ': ' || left(query, 200)
          AS line
        FROM pg_stat_activity
        WHERE backend_type = 'client backend' AND datname IN ('ledger', 'app', 'archive') AND application_name <> 'harness'
          AND pid <> pg_backend_pid() AND xact_start < clock_timestamp() - interval '1 second'
      UNION ALL SELECT 'an advisory lock in ' || d.datname || ' of ' || coalesce(a.application_name, '') || ': ' || left(a.query, 200)
        FROM pg_locks l JOIN pg_database d ON d.oid = l.database LEFT JOIN pg_stat_activity a USING (pid)
        WHERE locktype = 'advisory'
      UNION ALL SELECT 'a prepared transaction ' || gid FROM pg_prepared_xacts
      UNION ALL SELECT 'the replication slot ' || slot_name FROM pg_replication_slots`;
    return rows.map(({ line }) => line);
  });
}

async function inLocalStore(rig: Rig): Promise<string[]> {
  const names = await readdir(rig.storeDirectory, { recursive: true, withFileTypes: true });
  const files = names
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(rig.storeDirectory, path.join(entry.parentPath, entry.name)));
  return strangers(rig, "local", files);
}

async function inRemoteStore(rig: Rig): Promise<string[]> {
  if (rig.swift === undefined) return [];
  const { admin, declaration } = rig.swift;
  const keys: string[] = [];
  let ContinuationToken: string | undefined;
  do {
    const page = await admin.send(
      new ListObjectsV2Command({
        Bucket: declaration.bucket,
        ...(ContinuationToken && { ContinuationToken }),
      }),
    );
    keys.push(...(page.Contents ?? []).flatMap(({ Key }) => Key ?? []));
    ContinuationToken = page.IsTruncated === true ? page.NextContinuationToken : undefined;
  } while (ContinuationToken !== undefined);
  const { Uploads = [] } = await admin.send(new ListMultipartUploadsCommand({ Bucket: declaration.bucket }));
  return [
    ...(await strangers(rig, "remote", keys)),
    ...Uploads.map(({ Key }) => `remote: an upload of ${Key} that was never finished`),
  ];
}

/** Objects of no artifact that the ledger says is there. */
async function strangers(rig: Rig, store: string, keys: readonly string[]): Promise<string[]> {
  const known = await withSql(rig.ledgerUrl, async (sql) => {
    const rows = await sql<{ id: string }[]>`
      SELECT id FROM holdfast.artifacts WHERE deleted_at IS NULL AND ${store} = ANY (stores)`;
    return new Set(rows.map(({ id }) => id));
  });
  return keys.filter((key) => !known.has(key.split("/")[0] ?? "")).map((key) => `${store}: ${key}`);
}

async function inRedis(rig: Rig): Promise<string[]> {
  const redis = new Redis(rig.redisPort, "127.0.0.1", { lazyConnect: true, connectTimeout: 5_000 });
  redis.on("error", () => undefined);
  try {
    await redis.connect();
    const keys = await redis.keys("holdfast:*:lock");
    return keys.map((key) => `in Redis: ${key}`);
  } finally {
    redis.disconnect();
  }
}

async function inDirectories(rig: Rig): Promise<string[]> {
  const directories = [
    rig.temporaryDirectory,
    ...["server", "worker1", "worker2"].map((name) => path.join(rig.directory, `${name}-data`, "uploads")),
  ];
  const found = await Promise.all(
    directories.map(async (directory) =>
      (await readdir(directory).catch(() => [])).map((name) => path.join(directory, name)),
    ),
  );
  return found.flat().filter((file) => !file.includes("node-compile-cache"));
}
