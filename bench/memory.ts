// What one process that is server and worker takes at most, at half a gigabyte of rows and at four.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { peakBytesOf } from "./child.ts";
import { signIn } from "./client.ts";
import type { BenchContext } from "./context.ts";
import type { Goal, Result } from "./report.ts";
import type { BenchServer } from "./server.ts";
import { LARGE, makeTables } from "./tables.ts";

const MAIN = path.join(import.meta.dirname, "../bin/holdfast.js");
/** Some 190 bytes each as COPY text. */
const SIZES = [2_600_000, 21_000_000];
const LIMIT_BYTES = 256 * 1024 * 1024;
const LARGE_ROW_BYTES = 100 * 1024 * 1024;
/** As many columns as PostgreSQL allows hold as many characters of JSON as 5,000 columns of numbers. */
const WIDE_COLUMNS = 1_600;
const WIDE_ROWS = 2_000;

interface Peaks {
  readonly start: number;
  readonly backup: number;
  readonly preview: number;
  readonly restore: number;
}

export async function measureMemory(bench: BenchContext, sizes: readonly number[] = SIZES): Promise<Result> {
  const { server } = bench;
  const found: Peaks[] = [];
  const rows: string[][] = [];
  const show = (name: string, peaks: Peaks): void => {
    const mb = [peaks.start, peaks.backup, peaks.preview, peaks.restore].map((bytes) =>
      mebibytes(bytes).toFixed(0),
    );
    console.error(`${name}: ${mb.join(", ")} MiB`);
    rows.push([name, ...mb]);
  };
  for (const size of sizes) {
    await makeTables(server.sql, size);
    const peaks = await measurePeaks(bench, LARGE);
    found.push(peaks);
    const gigabytes = await rawGigabytes(server);
    show(`${size.toLocaleString("en")} rows, ${gigabytes.toFixed(1)} GB`, peaks);
  }
  await makeWideTables(server);
  const large = await measurePeaks(bench, "large_row");
  show(`a row of ${mebibytes(LARGE_ROW_BYTES)} MiB`, large);
  show(`rows of ${WIDE_COLUMNS.toLocaleString("en")} columns`, await measurePeaks(bench, "wide_rows"));

  const [small, big] = [found[0], found.at(-1)];
  if (small === undefined || big === undefined) throw new Error("no size was measured");
  const acts = ["backup", "restore"] as const;
  const goals = acts.flatMap((act): Goal[] => [
    {
      what: `MiB at most during a ${act}`,
      found: mebibytes(Math.max(small[act], big[act])),
      limit: mebibytes(LIMIT_BYTES),
      direction: "at most",
    },
    {
      what: `peak of the largest ${act} to that of the smallest`,
      found: big[act] / small[act],
      limit: 1.2,
      direction: "at most",
    },
  ]);
  return {
    name: "memory",
    tables: [
      {
        title: "Resident memory of server and worker in one process, at most, in MiB",
        columns: ["", "at start", "backup", "preview", "restore"],
        rows,
      },
    ],
    goals,
    figures: found,
  };
}

const mebibytes = (bytes: number): number => bytes / 1024 ** 2;

async function rawGigabytes({ sql }: BenchServer): Promise<number> {
  const [row] = await sql.unsafe<{ bytes: string }[]>(
    `select (avg(length(t::text)) * (select count(*) from ${LARGE}))::text as bytes
     from (select * from ${LARGE} tablesample system (1)) t`,
  );
  return Number(row?.bytes) / 1e9;
}

async function makeWideTables({ sql }: BenchServer): Promise<void> {
  const names = Array.from({ length: WIDE_COLUMNS - 1 }, (_, n) => `c${n}`);
  await sql.unsafe(`
    drop table if exists large_row, wide_rows;
    create table large_row (id integer primary key, value text not null);
    insert into large_row select 1, string_agg(encode(sha512(n::text::bytea), 'hex'), '')
      from generate_series(1, ${LARGE_ROW_BYTES / 128}) n;
    create table wide_rows (id integer primary key, ${names.map((name) => `${name} smallint`).join()});
    insert into wide_rows select n, ${names.map((_, place) => `(n + ${place}) % 10000`).join()}
      from generate_series(1, ${WIDE_ROWS}) n;`);
  await sql.unsafe("vacuum analyze");
}

/** A server of its own for each table: what an earlier one left behind in memory is not this one's. */
async function measurePeaks(bench: BenchContext, table: string): Promise<Peaks> {
  await using holdfast = await startServe(bench, table);
  const start = await holdfast.peak();
  const backupId = await holdfast.run(
    "backup",
    "mutation ($recipients: [String!]) { started: startBackup(input: { encryption: { recipients: $recipients } }) { id } }",
    { recipients: [bench.key.recipient] },
  );
  const backup = await holdfast.peak();
  const restore = `mutation ($backupId: ID!, $identity: String, $dryRun: Boolean) {
    started: startRestore(input: { backupId: $backupId, unlock: { identity: $identity }, dryRun: $dryRun }) { id } }`;
  const variables = { backupId, identity: bench.key.identity };
  await holdfast.run("restore", restore, { ...variables, dryRun: true });
  const preview = await holdfast.peak();
  await bench.server.sql.unsafe(`truncate ${table}`);
  await holdfast.run("restore", restore, { ...variables, dryRun: false });
  return { start, backup, preview, restore: await holdfast.peak() };
}

interface Serve extends AsyncDisposable {
  /** Resident bytes at most since it was last asked. */
  peak(): Promise<number>;
  /** Starts a run and waits for its success. @returns its id */
  run(kind: "backup" | "restore", mutation: string, variables: object): Promise<string>;
}

async function startServe({ server, directory }: BenchContext, table: string): Promise<Serve> {
  await using opened = new AsyncDisposableStack();
  const place = path.join(directory, `serve-${table}`);
  await mkdir(place, { recursive: true });
  const own = `holdfast_${table}`;
  await server.sql.unsafe(`drop database if exists ${own}`);
  await server.sql.unsafe(`create database ${own}`);
  const ownUrl = new URL(server.url);
  ownUrl.pathname = `/${own}`;
  await writeFile(
    path.join(place, "holdfast.config.mjs"),
    `export default {
      databases: { bench: { url: ${JSON.stringify(server.url)} } },
      groups: { bench: { entities: { rows: { tables: ["${table}"] } } } },
      stores: { local: { kind: "fs", directory: ${JSON.stringify(path.join(place, "store"))} } },
    };`,
  );
  const password = "a password of the bench";
  const child = spawn(process.execPath, [MAIN, "serve", "--port", "0"], {
    cwd: place,
    env: {
      ...process.env,
      HOLDFAST_DATABASE_URL: ownUrl.href,
      HOLDFAST_DATA_DIR: path.join(place, "own"),
      HOLDFAST_ADMIN_PASSWORD: password,
      LOG_LEVEL: "error",
    },
    stdio: ["ignore", "pipe", "inherit"],
  });
  opened.defer(async () => {
    if (child.exitCode !== null) return;
    child.kill("SIGINT");
    await once(child, "close");
  });
  let shown = "";
  for await (const chunk of child.stdout) {
    shown += String(chunk);
    if (shown.includes("Ctrl-C stops it")) break;
  }
  const url = /http:\/\/[\d.]+:\d+/.exec(shown)?.[0];
  if (url === undefined) throw new Error(`serve did not start: ${shown}`);
  const { ask } = await signIn(url, password);
  const closing = opened.move();
  return {
    peak: () => peakBytesOf(child),
    async run(kind, mutation, variables) {
      const { id } = (await ask<{ started: { id: string } }>(mutation, variables)).started;
      for (;;) {
        const { run } = await ask<{ run: { status: string } }>(
          `query ($id: ID!) { run: ${kind}(id: $id) { status error { message } } }`,
          { id },
        );
        if (run.status === "SUCCEEDED") return id;
        if (run.status === "FAILED") throw new Error(JSON.stringify(run));
        await sleep(200);
      }
    },
    [Symbol.asyncDispose]: () => closing.disposeAsync(),
  };
}
