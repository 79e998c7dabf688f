// holdfast demo: the main job from start to end, on made-up data, with a server and a database of its own.
import { mkdir, rm, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import type { Command } from "commander";
import { DEMO_SIZES } from "../../platform/seed.ts";
import { addExamples, type CommandContext } from "../command.ts";
import { UsageError } from "../failure.ts";
import { parseCount } from "../options.ts";

interface DemoOptions {
  readonly dataDir: string;
  readonly logEntries: number;
  readonly auditLogs: number;
}

/** Marks a directory that a demo has made, and that the next one may therefore delete. */
const MARKER = "made-by-holdfast-demo";

export function define(command: Command, { signal }: CommandContext): void {
  command
    .description(
      "Starts a server with a database of its own, fills it with made-up rows, backs them up over the API, damages " +
        "them, previews the restore, restores, and proves by the rows' hashes that everything is back. Exits with 1 if " +
        "it is not. Your own databases are not touched, whatever the environment names.",
    )
    .option(
      "--data-dir <dir>",
      "where everything is kept; emptied first if an earlier demo made it",
      ".holdfast-demo",
    )
    .option("--log-entries <number>", "how many log entries to make up", parseCount, DEMO_SIZES.logEntries)
    .option("--audit-logs <number>", "how many audit records to make up", parseCount, DEMO_SIZES.auditLogs)
    .action((options: DemoOptions) => demo(options, signal));
  addExamples(command, [
    ["holdfast demo", "a minute, some 250,000 rows"],
    [
      "holdfast demo --log-entries 5000000 --data-dir /var/tmp/demo",
      "with a table that takes longer to copy",
    ],
  ]);
}

async function demo({ dataDir, logEntries, auditLogs }: DemoOptions, signal: AbortSignal): Promise<void> {
  const { readEnvironment } = await import("../../config/environment.ts");
  const { playDemo } = await import("../demo/demo.ts");
  const directory = path.resolve(dataDir);
  await makeFresh(directory);
  const environment = {
    ...readEnvironment(process.env),
    dataDir: directory,
    databaseUrl: undefined,
    secretKey: undefined,
    adminPassword: undefined,
    configFile: undefined,
    host: "127.0.0.1",
    port: 0,
  };
  await playDemo({
    environment,
    sizes: { ...DEMO_SIZES, logEntries, auditLogs },
    output: process.stdout,
    signal,
  });
}

/** @throws UsageError for a directory that holds anything else than an earlier demo's things */
async function makeFresh(directory: string): Promise<void> {
  const { tryLock } = await import("../../embedded/directory-lock.ts");
  const marker = path.join(directory, MARKER);
  const exists = await stat(directory).catch(() => undefined);
  if (exists !== undefined) {
    if ((await stat(marker).catch(() => undefined)) === undefined)
      throw new UsageError(
        `${directory} is there already, and no demo has made it.`,
        "Name another one with --data-dir.",
      );
    const lock = tryLock(path.join(directory, "postgres.lock"));
    if (lock === undefined)
      throw new UsageError(
        `A server is running in ${directory}.`,
        "Stop it, or name another directory with --data-dir.",
      );
    await rm(directory, { recursive: true });
    lock.release();
  }
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await writeFile(marker, "The next `holdfast demo` deletes this directory and begins anew.\n");
}
