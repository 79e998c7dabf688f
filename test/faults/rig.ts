// Everything that takes part, as real processes: a server, two workers, PostgreSQL, Redis and an S3 server, with a link
// between each process and each service. All of it listens on the loopback address, and ends with the harness.
import { randomBytes } from "node:crypto";
import { chown, chmod, mkdir, mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { once } from "node:events";
import { tmpdir } from "node:os";
import path from "node:path";
import postgres from "postgres";
import { readConfiguration } from "../../src/config/configuration.ts";
import { postgresAccount } from "../../src/embedded/account.ts";
import { locateBinaries } from "../../src/embedded/binaries.ts";
import { ensureCluster, SUPERUSER } from "../../src/embedded/cluster.ts";
import type { Catalog } from "../../src/core/catalog.ts";
import { COMMAND } from "../support/command.ts";
import { haveSwift, startSwift, type SwiftServer } from "../support/swift.ts";
import { createApplication, type Application } from "./application.ts";
import { ControlledProcess } from "./controlled-process.ts";
import { mountDisk, type Disk } from "./disk.ts";
import { openLink, type Link } from "./link.ts";
import {
  PROCESSES,
  SERVICES,
  type DiskName,
  type LinkName,
  type PartName,
  type ProcessName,
} from "./plan.ts";
import { openStoreFront, type StoreFront } from "./store-front.ts";
import { startWarden } from "./warden.ts";

export interface Rig extends AsyncDisposable {
  readonly directory: string;
  readonly parts: Readonly<Record<PartName, ControlledProcess>>;
  readonly links: ReadonlyMap<LinkName, Link>;
  readonly disks: Readonly<Partial<Record<DiskName, Disk>>>;
  readonly front: StoreFront | undefined;
  readonly swift: SwiftServer | undefined;
  readonly application: Application;
  readonly catalog: Catalog;
  /** Of Holdfast's own database, past the links. */
  readonly ledgerUrl: string;
  readonly appUrl: string;
  readonly archiveUrl: string;
  readonly redisPort: number;
  readonly apiUrl: string;
  readonly adminPassword: string;
  readonly storeDirectory: string;
  /** Where the processes put temporary files. */
  readonly temporaryDirectory: string;
  /** Starts whatever does not run, in the order in which it is needed. */
  ensureUp(): Promise<void>;
  /** Has Redis start with nothing. */
  forgetRedis(): Promise<void>;
}

const CONFIG = path.join(import.meta.dirname, "holdfast.config.ts");
const STORE_DISK_BYTES = 64 * 1024 * 1024;
const DATABASE_DISK_BYTES = 512 * 1024 * 1024;

/** @param isOwner whether the databases' role owns their tables, and is no superuser */
export async function openRig(isOwner: boolean): Promise<Rig> {
  await using opened = new AsyncDisposableStack();
  const warden = opened.use(startWarden());
  const directory = await mkdtemp(path.join(tmpdir(), "holdfast-faults-"));
  warden.watch({ directory });
  await chmod(directory, 0o755);
  const within = (...names: string[]): string => path.join(directory, ...names);
  const temporaryDirectory = within("tmp");
  const redisDirectory = within("redis");
  for (const name of [temporaryDirectory, redisDirectory, within("logs")]) await mkdir(name);

  const databaseDisk = await mountDisk(within("postgres"), DATABASE_DISK_BYTES, warden);
  const storeDisk = await mountDisk(within("store"), STORE_DISK_BYTES, warden);
  const storeDirectory = within("store", "artifacts");
  await mkdir(storeDirectory);
  const ports = await freePorts(3);
  const [postgresPort = 0, redisPort = 0, apiPort = 0] = ports;

  const account = await postgresAccount(within("postgres"), () => undefined);
  if (account !== undefined) await chown(within("postgres"), account.uid, account.gid);
  const binaries = await locateBinaries(account);
  const cluster = within("postgres", "cluster");
  const password = await ensureCluster(cluster, binaries, account);
  const settings = {
    listen_addresses: "127.0.0.1",
    port: postgresPort,
    unix_socket_directories: "",
    max_connections: 150,
    shared_buffers: "32MB",
    min_wal_size: "32MB",
    max_wal_size: "128MB",
    // What the harness kills are processes; the machine stays, and has what they have written.
    fsync: "off",
    log_line_prefix: "%m [%p] %a ",
  };
  const controlled = (
    options: Omit<ConstructorParameters<typeof ControlledProcess>[0], "logFile" | "warden">,
  ) => new ControlledProcess({ ...options, logFile: within("logs", options.name), warden });
  const postgresServer = controlled({
    name: "postgres",
    program: binaries.postgres,
    args: ["-D", cluster, ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`])],
    env: { LC_ALL: "C", TZ: "UTC" },
    cwd: cluster,
    account,
    readyWhen: "database system is ready to accept connections",
  });
  const redis = controlled({
    name: "redis",
    program: "redis-server",
    args: [
      ...["--bind", "127.0.0.1", "--port", String(redisPort), "--dir", redisDirectory, "--save", ""],
      ...["--appendonly", "yes", "--appendfsync", "no", "--maxmemory-policy", "noeviction"],
    ],
    readyWhen: "Ready to accept connections",
  });
  await Promise.all([postgresServer.start(), redis.start()]);

  const databases = await createDatabases(postgresPort, password, isOwner);
  const swiftSecret = randomBytes(12).toString("hex");
  const swift = haveSwift ? opened.use(await startSwift(swiftSecret)) : undefined;
  const front = swift && opened.use(await openStoreFront(new URL(swift.declaration.endpoint)));

  const links = new Map<LinkName, Link>();
  const targets = { ledger: postgresPort, databases: postgresPort, redis: redisPort, s3: front?.port };
  for (const name of PROCESSES)
    for (const service of SERVICES) {
      const port = targets[service];
      if (port === undefined) continue;
      const link: LinkName = `${name}-${service}`;
      links.set(link, opened.use(await openLink(link, { host: "127.0.0.1", port })));
    }
  const portOf = (name: LinkName): number => links.get(name)?.port ?? 0;
  const through = (url: string, link: LinkName): string => {
    const changed = new URL(url);
    changed.port = String(portOf(link));
    return changed.href;
  };
  const adminPassword = randomBytes(12).toString("hex");
  const secretKey = randomBytes(32).toString("hex");
  const environmentOf = (name: ProcessName): NodeJS.ProcessEnv => ({
    HOLDFAST_CONFIG: CONFIG,
    HOLDFAST_DATA_DIR: within(`${name}-data`),
    HOLDFAST_DATABASE_URL: through(databases.ledger, `${name}-ledger`),
    REDIS_URL: `redis://127.0.0.1:${portOf(`${name}-redis`)}`,
    HOLDFAST_SECRET_KEY: secretKey,
    HOLDFAST_ADMIN_PASSWORD: adminPassword,
    PORT: String(apiPort),
    LOG_LEVEL: "debug",
    TMPDIR: temporaryDirectory,
    ...(process.env["NODE_COMPILE_CACHE"] && { NODE_COMPILE_CACHE: process.env["NODE_COMPILE_CACHE"] }),
    HOLDFAST_TEST_APP_URL: through(databases.app, `${name}-databases`),
    HOLDFAST_TEST_ARCHIVE_URL: through(databases.archive, `${name}-databases`),
    HOLDFAST_TEST_STORE_DIR: storeDirectory,
    ...(swift && {
      HOLDFAST_TEST_S3_ENDPOINT: `http://127.0.0.1:${portOf(`${name}-s3`)}`,
      HOLDFAST_TEST_S3_BUCKET: swift.declaration.bucket,
      HOLDFAST_TEST_S3_KEY_ID: swift.declaration.accessKeyId,
      HOLDFAST_TEST_S3_SECRET: swift.declaration.secretAccessKey,
    }),
  });
  const holdfast = (name: ProcessName, args: string[], readyWhen: string) =>
    controlled({
      name,
      program: process.execPath,
      args: [COMMAND, ...args],
      env: environmentOf(name),
      cwd: directory,
      readyWhen,
    });
  const parts = {
    postgres: postgresServer,
    redis,
    server: holdfast("server", ["serve", "--no-worker"], "Ctrl-C stops it"),
    worker1: holdfast("worker1", ["worker"], "Waiting for work"),
    worker2: holdfast("worker2", ["worker"], "Waiting for work"),
  };
  const application = opened.use(
    await createApplication({
      app: databases.app,
      archive: databases.archive,
      scratchApp: databases.scratchApp,
      scratchArchive: databases.scratchArchive,
    }),
  );
  const { catalog } = await readCatalog(environmentOf("server"));
  const ensureUp = async (): Promise<void> => {
    await Promise.all([postgresServer, redis].map(async (part) => part.isRunning || part.start()));
    await Promise.all(PROCESSES.map(async (name) => parts[name].isRunning || parts[name].start()));
  };
  // Killed before their links, disks and directories are taken away.
  opened.defer(async () => void (await Promise.all(Object.values(parts).map((part) => part.kill()))));
  await parts.server.start();
  await ensureUp();
  const closing = opened.move();
  return {
    ...{ directory, parts, links, front, swift, application, catalog, redisPort, adminPassword, ensureUp },
    ...{ storeDirectory, temporaryDirectory },
    disks: {
      ...(storeDisk && { store: storeDisk }),
      ...(databaseDisk && { database: databaseDisk }),
    },
    ledgerUrl: databases.ledger,
    appUrl: databases.adminApp,
    archiveUrl: databases.adminArchive,
    apiUrl: `http://127.0.0.1:${apiPort}`,
    forgetRedis: () => rm(path.join(redisDirectory, "appendonlydir"), { recursive: true, force: true }),
    [Symbol.asyncDispose]: () => closing.disposeAsync(),
  };
}

async function createDatabases(port: number, password: string, isOwner: boolean) {
  const urlOf = (name: string, role: string = SUPERUSER): string =>
    `postgres://${role}:${encodeURIComponent(password)}@127.0.0.1:${port}/${name}`;
  const role = isOwner ? "shop_owner" : SUPERUSER;
  const sql = postgres(urlOf("postgres"), { max: 1, onnotice: () => undefined });
  try {
    if (isOwner) await sql.unsafe(`CREATE ROLE shop_owner LOGIN CREATEDB PASSWORD '${password}'`);
    await sql.unsafe(`CREATE DATABASE ledger`);
    for (const name of ["app", "archive", "scratch_app", "scratch_archive"])
      await sql.unsafe(`CREATE DATABASE ${name} OWNER ${role}`);
  } finally {
    await sql.end();
  }
  return {
    ledger: urlOf("ledger"),
    app: urlOf("app", role),
    archive: urlOf("archive", role),
    adminApp: urlOf("app"),
    adminArchive: urlOf("archive"),
    scratchApp: urlOf("scratch_app", role),
    scratchArchive: urlOf("scratch_archive", role),
  };
}

/** The configuration file reads the environment of whoever runs it. */
async function readCatalog(environment: NodeJS.ProcessEnv) {
  const own = Object.entries(environment).filter(([name]) => name.startsWith("HOLDFAST_TEST_"));
  Object.assign(process.env, Object.fromEntries(own));
  try {
    return await readConfiguration({ configFile: CONFIG, dataDir: "." });
  } finally {
    for (const [name] of own) delete process.env[name];
  }
}

/** All at once, so that they differ. */
async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, "127.0.0.1");
      await once(server, "listening");
      return server;
    }),
  );
  return Promise.all(
    servers.map(async (server) => {
      const address = server.address();
      const port = address !== null && typeof address === "object" ? address.port : 0;
      server.close();
      await once(server, "close");
      return port;
    }),
  );
}
