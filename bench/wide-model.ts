// What 16 cores and three hosts would make of shares that were measured on two: how long 100 GB of rows take, and what holds them up.

/** CPU seconds for a GB of COPY text, unless it is said otherwise. */
export interface BackupShares {
  /** Of PostgreSQL's sessions: as many as there are connections. */
  readonly server: number;
  /** Of workers, all threads. */
  readonly worker: number;
  /** Of that, what is on one thread of each process. */
  readonly workerMain: number;
  /** GB that are stored. */
  readonly stored: number;
  /** Seconds of a backup of next to nothing, from its request to its end. */
  readonly fixed: number;
  /** CPU seconds that one more piece for others takes, of all processes. */
  readonly piece: number;
  /** Of PostgreSQL's one session, and of pg_dump's process, for one COPY. */
  readonly dumpServer: number;
  readonly dumpClient: number;
}

/** For a GB of COPY text. */
export interface RestoreShares {
  /** CPU seconds while staging is loaded: by as many connections as there are. */
  readonly loadServer: number;
  readonly loadWorker: number;
  readonly loadWorkerMain: number;
  /** GB that are read from the store. */
  readonly stored: number;
  /** CPU seconds of the server while it compares and applies where nothing has changed, in one transaction. */
  readonly compare: number;
  /** How many of PostgreSQL's processes do that at the same time. */
  readonly compareProcesses: number;
  /** CPU seconds of the one session that inserts into an empty table. */
  readonly insert: number;
}

export interface Setting {
  /** Of the server. */
  readonly serverCores: number;
  /** Of each worker's host: one process each. */
  readonly workerCores: readonly number[];
  /** Of each host, in each direction. */
  readonly gigabits: number;
}

export interface Forecast {
  readonly seconds: number;
  /** What holds it up. */
  readonly limit: string;
}

const PIECE_GB = 1.07;
/** A worker has two to four connections, by its cores. */
const connectionsOf = (cores: number): number => Math.max(2, Math.min(4, cores));
const gigabytesPerSecond = (gigabits: number): number => gigabits / 8;
/** Headers of rows and packets. */
const WIRE_PER_GB = 1.05;

type Rate = readonly [limit: string, gigabytesPerSecond: number];
const slowest = (...rates: Rate[]): Rate => rates.reduce((one, other) => (other[1] < one[1] ? other : one));

interface Stage {
  readonly server: number;
  readonly worker: number;
  readonly workerMain: number;
  readonly stored: number;
}

/** GB a second of a stage that every worker has a part in. */
function stageRate({ server, worker, workerMain, stored }: Stage, setting: Setting): Rate {
  const net = gigabytesPerSecond(setting.gigabits);
  const workers = setting.workerCores.map((cores) =>
    slowest(
      ["worker's cores", cores / worker],
      ["worker's main thread", 1 / workerMain],
      ["connections", connectionsOf(cores) / server],
      ["worker's network", net / Math.max(WIRE_PER_GB, stored)],
    ),
  );
  const together = workers.reduce((sum, [, rate]) => sum + rate, 0);
  const [largest] = workers.toSorted(([, one], [, other]) => other - one);
  return slowest(
    [largest?.[0] ?? "", together],
    ["server's cores", setting.serverCores / server],
    ["server's network", net / WIRE_PER_GB],
  );
}

export function forecastBackup(shares: BackupShares, setting: Setting, gigabytes: number): Forecast {
  const [limit, rate] = stageRate(shares, setting);
  const isShared = setting.workerCores.length > 1;
  const pieces = isShared ? (gigabytes / PIECE_GB) * shares.piece : 0;
  return { seconds: shares.fixed + gigabytes / rate + pieces / setting.workerCores.length, limit };
}

/** One COPY, by one session for one process, however many cores there are. */
export function forecastDump(shares: BackupShares, setting: Setting, gigabytes: number): Forecast {
  const [limit, rate] = slowest(
    ["one session", 1 / shares.dumpServer],
    ["pg_dump's process", 1 / shares.dumpClient],
    ["network", gigabytesPerSecond(setting.gigabits) / WIRE_PER_GB],
  );
  return { seconds: gigabytes / rate, limit };
}

/** Where nothing has changed: staging is loaded by all; comparing is one transaction's, and as wide as PostgreSQL makes that. */
export function forecastMerge(shares: RestoreShares, setting: Setting, gigabytes: number): Forecast {
  const { seconds: load, limit } = forecastLoading(shares, setting, gigabytes);
  const compare = (gigabytes * shares.compare) / Math.min(setting.serverCores, shares.compareProcesses);
  return { seconds: load + compare, limit: compare > load ? THE_ONE_TRANSACTION : limit };
}

/** Into an empty table: what a worker has staged is inserted while the rest is loaded, what others have when everything is. */
export function forecastFill(shares: RestoreShares, setting: Setting, gigabytes: number): Forecast {
  const { seconds: load, limit } = forecastLoading(shares, setting, gigabytes);
  const insert = gigabytes * shares.insert;
  const own = insert / setting.workerCores.length;
  return {
    seconds: Math.max(load, own) + (insert - own),
    limit: insert > load ? THE_ONE_TRANSACTION : limit,
  };
}

const THE_ONE_TRANSACTION = "the one transaction";

function forecastLoading(shares: RestoreShares, setting: Setting, gigabytes: number): Forecast {
  const { loadServer: server, loadWorker: worker, loadWorkerMain: workerMain, stored } = shares;
  const [limit, rate] = stageRate({ server, worker, workerMain, stored }, setting);
  return { seconds: gigabytes / rate, limit: `loading: ${limit}` };
}
