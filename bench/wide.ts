// What sharing among several workers costs here, on however few cores; and what follows from that for many cores and hosts.
import { randomUUID } from "node:crypto";
import type { Loaded } from "./act-process.ts";
import { holdfastActs, type BenchContext } from "./context.ts";
import { inTurn, measureCommand, type Measurement } from "./measure.ts";
import { median } from "./quantiles.ts";
import type { Result, Table } from "./report.ts";
import { LARGE } from "./tables.ts";
import { installRedis } from "./tools.ts";
import { startWorkshop, type SharedBackup, type WorkerTimes } from "./wide-company.ts";
import {
  forecastBackup,
  forecastDump,
  forecastFill,
  forecastMerge,
  type BackupShares,
  type RestoreShares,
  type Setting,
} from "./wide-model.ts";

const ENTITY = "AUDIT_LOG";
const GIGABYTES = 100;
const SETTINGS: readonly Setting[] = [1, 10, 25].flatMap((gigabits) =>
  [[2], [16], [4, 4, 4], [16, 16, 16]].map((workerCores) => ({ serverCores: 16, workerCores, gigabits })),
);
/** One, and PostgreSQL's max_parallel_workers_per_gather as it comes. Rows are inserted by one alone. */
const COMPARING_PROCESSES = 3;
/** Small enough that what each of them costs can be seen. */
const MANY_PIECES_BYTES = 2 * 1024 * 1024;

const COMPANIES = [
  { name: "1 worker", workers: 1 },
  { name: "2 workers", workers: 2 },
  { name: "3 workers", workers: 3 },
  { name: "1 worker, 2 MiB pieces", workers: 1, pieceBytes: MANY_PIECES_BYTES },
  { name: "3 workers, 2 MiB pieces", workers: 3, pieceBytes: MANY_PIECES_BYTES },
];

interface Shared {
  readonly measured: Measurement;
  readonly backup: SharedBackup;
  readonly main: number;
}

export async function measureWide(bench: BenchContext): Promise<Result> {
  await installRedis();
  const shared = new Map<string, Shared[]>();
  const fixed: number[] = [];
  for (const { name, workers, pieceBytes } of COMPANIES) {
    await using workshop = await startWorkshop(bench, workers, pieceBytes);
    // What is loaded and compiled at the first one is not what is measured.
    await workshop.backUp(["SMALL"]);
    const found: Shared[] = [];
    let backup: SharedBackup | undefined;
    let times: WorkerTimes | undefined;
    const act = async (entities: readonly string[]) => {
      const before = await workshop.times();
      const started = performance.now();
      backup = await workshop.backUp(entities);
      const wallSeconds = (performance.now() - started) / 1000;
      const after = await workshop.times();
      times = { all: after.all - before.all, main: after.main - before.main };
      return { wallSeconds, clientSeconds: times.all };
    };
    for (let round = 0; round < bench.options.rounds; round += 1) {
      const [measured] =
        (await inTurn(bench.server, [{ name, act: () => act([ENTITY]) }], 1)).get(name) ?? [];
      if (measured === undefined || backup === undefined || times === undefined)
        throw new Error(`${name} was not measured`);
      found.push({ measured, backup, main: times.main });
      if (workers === 1 && pieceBytes === undefined) fixed.push((await act(["SMALL"])).wallSeconds);
    }
    shared.set(name, found);
  }
  const dump = await inTurn(
    bench.server,
    [
      {
        name: "dump",
        act: () =>
          measureCommand(
            `pg_dump -Fc -Z0 -t ${LARGE} '${bench.server.url}' > /dev/null`,
            bench.server.binDirectory,
          ),
      },
    ],
    bench.options.rounds,
  );
  const shares = sharesOf(shared, median(fixed), dump.get("dump") ?? []);
  const restores = await measureRestores(bench, gigabytesOf(shared), shares.stored);
  return {
    name: "wide",
    tables: [measuredTable(shared), sharesTable(shares, restores), forecastTable(shares, restores)],
    goals: [],
    figures: { shared: Object.fromEntries(shared), shares, restores },
  };
}

const gigabytesOf = (shared: ReadonlyMap<string, readonly Shared[]>): number =>
  (shared.get("1 worker")?.[0]?.backup.rawBytes ?? 0) / 1e9;

function medianOf(all: readonly Shared[] | undefined, of: (one: Shared) => number): number {
  return median((all ?? []).map(of));
}

const cpuOf = ({ measured }: Shared): number => measured.serverSeconds + measured.clientSeconds;

function sharesOf(
  shared: ReadonlyMap<string, readonly Shared[]>,
  fixed: number,
  dump: readonly Measurement[],
): BackupShares {
  const gigabytes = gigabytesOf(shared);
  const alone = shared.get("1 worker");
  const several = shared.get("3 workers, 2 MiB pieces");
  const pieces = Math.max(
    1,
    medianOf(several, ({ backup }) => backup.pieces),
  );
  const more = medianOf(several, cpuOf) - medianOf(shared.get("1 worker, 2 MiB pieces"), cpuOf);
  return {
    server: medianOf(alone, ({ measured }) => measured.serverSeconds) / gigabytes,
    worker: medianOf(alone, ({ measured }) => measured.clientSeconds) / gigabytes,
    workerMain: medianOf(alone, ({ main }) => main) / gigabytes,
    stored: medianOf(alone, ({ backup }) => backup.storedBytes) / 1e9 / gigabytes,
    fixed,
    piece: Math.max(0, more / pieces),
    dumpServer: median(dump.map(({ serverSeconds }) => serverSeconds)) / gigabytes,
    dumpClient: median(dump.map(({ clientSeconds }) => clientSeconds)) / gigabytes,
  };
}

/** Of one worker: loading is what all could have a part in. */
async function measureRestores(
  bench: BenchContext,
  gigabytes: number,
  stored: number,
): Promise<RestoreShares> {
  const { server, options } = bench;
  const holdfast = holdfastActs(bench, randomUUID());
  await holdfast.backup([ENTITY]);
  interface Restored {
    readonly loaded: Loaded["loaded"];
    /** CPU seconds of the server, until all was loaded and after that. */
    readonly load: number;
    readonly apply: number;
  }
  const measure = async (prepare: string): Promise<(read: (one: Restored) => number) => number> => {
    const rounds: Restored[] = [];
    for (let round = 0; round < options.rounds; round += 1) {
      await server.sql.unsafe(prepare);
      await server.checkpoint();
      const beforeSeconds = await server.cpuSeconds();
      let mark: { readonly loaded: Loaded["loaded"]; readonly serverSeconds: Promise<number> } | undefined;
      await holdfast.restore([ENTITY], "MERGE", false, (loaded) => {
        mark = { loaded, serverSeconds: server.cpuSeconds() };
      });
      if (mark === undefined) throw new Error("the restore did not say when all was loaded");
      const loadedSeconds = await mark.serverSeconds;
      const apply = (await server.cpuSeconds()) - loadedSeconds;
      rounds.push({ loaded: mark.loaded, load: loadedSeconds - beforeSeconds, apply });
    }
    return (read) => median(rounds.map(read)) / gigabytes;
  };
  const unchanged = await measure(`vacuum analyze ${LARGE}`);
  const empty = await measure(`truncate ${LARGE}`);
  await holdfast.forget();
  const loadServer = unchanged(({ load }) => load);
  return {
    loadServer,
    loadWorker: unchanged(({ loaded }) => loaded.cpuSeconds),
    loadWorkerMain: unchanged(({ loaded }) => loaded.mainSeconds),
    compare: unchanged(({ apply }) => apply),
    compareProcesses: COMPARING_PROCESSES,
    // Rows are inserted while others are loaded: what it takes is what such a restore takes more than loading.
    insert: empty(({ load, apply }) => load + apply) - loadServer,
    stored,
  };
}

function measuredTable(shared: ReadonlyMap<string, readonly Shared[]>): Table {
  const columns = ["", "wall s", "server CPU s", "workers' CPU s", "of it main threads", "pieces of others"];
  const rows = [...shared].map(([name, all]) => [
    name,
    medianOf(all, ({ measured }) => measured.wallSeconds).toFixed(2),
    medianOf(all, ({ measured }) => measured.serverSeconds).toFixed(2),
    medianOf(all, ({ measured }) => measured.clientSeconds).toFixed(2),
    medianOf(all, ({ main }) => main).toFixed(2),
    medianOf(all, ({ backup }) => backup.pieces).toFixed(0),
  ]);
  return { title: "A backup of the large table, shared by worker processes on this machine", columns, rows };
}

function sharesTable(shares: BackupShares, restores: RestoreShares): Table {
  const rows: (readonly [string, number, string])[] = [
    ["backup: server, in as many sessions as there are connections", shares.server, "CPU s/GB"],
    ["backup: workers, all threads", shares.worker, "CPU s/GB"],
    ["backup: of that, on one thread of each worker", shares.workerMain, "CPU s/GB"],
    ["backup: stored", shares.stored, "GB/GB"],
    ["backup: request, queue, plan, snapshot, manifest, ledger", shares.fixed, "s a backup"],
    ["backup: offering, taking and adopting a piece", shares.piece, "CPU s a piece"],
    ["pg_dump: its session", shares.dumpServer, "CPU s/GB"],
    ["pg_dump: its process", shares.dumpClient, "CPU s/GB"],
    [
      "restore: server, loading, in as many sessions as there are connections",
      restores.loadServer,
      "CPU s/GB",
    ],
    ["restore: workers, loading, all threads", restores.loadWorker, "CPU s/GB"],
    ["restore: of that, on one thread of each worker", restores.loadWorkerMain, "CPU s/GB"],
    ["restore: comparing and applying, nothing changed", restores.compare, "CPU s/GB"],
    ["restore: inserting into an empty table, in one session", restores.insert, "CPU s/GB"],
  ];
  return {
    title: "Shares, for a GB of COPY text",
    columns: ["", "found", "of what"],
    rows: rows.map(([name, found, unit]) => [name, found.toFixed(unit.endsWith("piece") ? 4 : 2), unit]),
  };
}

function forecastTable(shares: BackupShares, restores: RestoreShares): Table {
  const rows = SETTINGS.map((setting) => {
    const backup = forecastBackup(shares, setting, GIGABYTES);
    const dump = forecastDump(shares, setting, GIGABYTES);
    const merge = forecastMerge(restores, setting, GIGABYTES);
    const fill = forecastFill(restores, setting, GIGABYTES);
    return [
      `${setting.workerCores.length} x ${setting.workerCores[0]} cores, ${setting.gigabits} Gbit/s`,
      ...[backup.seconds.toFixed(0), backup.limit, dump.seconds.toFixed(0), dump.limit],
      ...[merge.seconds.toFixed(0), fill.seconds.toFixed(0), fill.limit],
    ];
  });
  return {
    title: `Worked out from them: seconds for ${GIGABYTES} GB of rows in one table, on a server of 16 cores`,
    columns: [
      "workers",
      "backup",
      "limit",
      "pg_dump",
      "limit",
      "MERGE, nothing changed",
      "MERGE, empty",
      "limit",
    ],
    rows,
  };
}
