// holdfast worker: works on backups and restores that a server elsewhere has accepted, until Ctrl-C.
import type { Command } from "commander";
import { HoldfastError } from "../../core/errors.ts";
import { addExamples, type CommandContext } from "../command.ts";
import { runUntil } from "../interrupt.ts";
import { parseCount } from "../options.ts";

interface WorkerOptions {
  readonly concurrency?: number;
}

export function define(command: Command, { signal }: CommandContext): void {
  command
    .description(
      "Works on backups and restores until Ctrl-C. Any number of workers may run, on any number of hosts; they need " +
        "the server's database (HOLDFAST_DATABASE_URL), its queue (REDIS_URL, if the server has one), its stores and " +
        "its HOLDFAST_SECRET_KEY.",
    )
    .option("--concurrency <number>", "how many runs to work on at once", parseCount)
    .action((options: WorkerOptions) => work(options, signal));
  addExamples(command, [
    [
      "HOLDFAST_DATABASE_URL=postgres://... HOLDFAST_SECRET_KEY=... holdfast worker --concurrency 2",
      "on a host of its own",
    ],
  ]);
}

/** @throws HoldfastError CONFIG_INVALID without a database to share: the embedded one belongs to its server alone */
async function work({ concurrency }: WorkerOptions, signal: AbortSignal): Promise<void> {
  const { readEnvironment } = await import("../../config/environment.ts");
  const { readConfiguration } = await import("../../config/configuration.ts");
  const { createLog } = await import("../../runtime/log.ts");
  const { secretsOf } = await import("../../runtime/redaction.ts");
  const { openTracing } = await import("../../runtime/open-tracing.ts");
  const { openFoundation } = await import("../../runtime/foundation.ts");
  const { startUpkeep } = await import("../../runtime/upkeep.ts");
  const { startOwnWorkers } = await import("../../runtime/worker.ts");
  const { collectAll } = await import("../../codec/spent-buffers.ts");
  const environment = readEnvironment(process.env);
  if (environment.databaseUrl === undefined) {
    throw new HoldfastError(
      "CONFIG_INVALID",
      "HOLDFAST_DATABASE_URL is not set: there is no server to work for.",
      {
        hint: "Name the server's database. With the embedded one, `holdfast serve` has a worker already.",
      },
    );
  }
  const configuration = await readConfiguration(environment);
  const log = createLog(environment.logLevel, 2, secretsOf(environment, configuration));
  await using opened = new AsyncDisposableStack();
  opened.use(await openTracing(process.env, log));
  const { onLost, ended } = runUntil(signal);
  await using foundation = await openFoundation(environment, configuration, log, onLost);
  const workers = await startOwnWorkers(foundation, concurrency);
  const upkeep = await startUpkeep(foundation);
  try {
    collectAll();
    console.log("Waiting for work; Ctrl-C stops it.");
    await ended();
  } finally {
    await upkeep.close();
    await workers.close();
  }
}
