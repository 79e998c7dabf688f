// `npm run bench`: Holdfast beside what people would use instead, on this machine.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { measureBackups } from "./backups.ts";
import { createContext, type BenchContext } from "./context.ts";
import { measureGrowth, measureManyTables } from "./growth.ts";
import { measureLoad } from "./load.ts";
import { measureMemory } from "./memory.ts";
import { measureProfile } from "./profile.ts";
import { keepResult, printGoals, printTable, type Result } from "./report.ts";
import { measureRestores } from "./restores.ts";
import { startServer } from "./server.ts";
import { makeTables } from "./tables.ts";
import { describeMachine, installTools } from "./tools.ts";
import { measureWide } from "./wide.ts";

interface Suite {
  readonly what: string;
  /** Whether it makes its tables itself. */
  readonly ownTables?: boolean;
  readonly measure: (bench: BenchContext) => Promise<Result>;
}

const SUITES: Readonly<Record<string, Suite>> = {
  backups: { what: "backups beside pg_dump", measure: measureBackups },
  restores: { what: "restores beside pg_restore", measure: measureRestores },
  load: { what: "500 subscribers, 50 runs queued, requests beside a backup", measure: measureLoad },
  profile: { what: "where the time of a backup goes", measure: measureProfile },
  wide: { what: "backups that several workers share, and a forecast for many cores", measure: measureWide },
  many: { what: "2,000 small tables beside pg_dump", ownTables: true, measure: measureManyTables },
  growth: {
    what: "time against rows, 0.1 to 4 GB (half an hour)",
    ownTables: true,
    measure: (bench) => measureGrowth(bench),
  },
  memory: {
    what: "peak memory at 0.5 and 4 GB (half an hour)",
    ownTables: true,
    measure: (bench) => measureMemory(bench),
  },
};
/** What `npm run bench` runs: some ten minutes. */
const USUAL = ["backups", "restores", "many"];

const HELP = `npm run bench -- [options]

Measures on a PostgreSQL 15 of its own, which it starts and deletes, beside Debian's pg_dump, pg_restore, zstd and age.
What is missing of those it installs with apt-get. Prints tables and keeps them in bench/results/.

Options:
  --only NAMES    of the suites, with commas between them (default: ${USUAL.join(",")})
${Object.entries(SUITES)
  .map(([name, { what }]) => `                    ${name.padEnd(10)}${what}`)
  .join("\n")}
  --profile       the same as --only profile
  --load          the same as --only load
  --rows N        of the audit log, some 190 bytes each (default: 2000000)
  --rounds N      each contender runs so often, in turn; medians are told (default: 5)
  --keep          writes bench/results/ also for fewer rows or rounds than the default

Example:
  npm run bench -- --only backups --rounds 3
`;

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    profile: { type: "boolean" },
    load: { type: "boolean" },
    rows: { type: "string", default: "2000000" },
    rounds: { type: "string", default: "5" },
    keep: { type: "boolean" },
    help: { type: "boolean", short: "h" },
  },
});

if (values.help === true) {
  console.log(HELP);
} else {
  const names =
    values.profile === true
      ? ["profile"]
      : values.load === true
        ? ["load"]
        : (values.only?.split(",") ?? USUAL);
  const options = { rows: Number(values.rows), rounds: Number(values.rounds) };
  const unknown = names.filter((name) => SUITES[name] === undefined);
  if (unknown.length > 0 || !(options.rows > 0) || !(options.rounds > 0)) {
    console.error(`There is no suite ${unknown.join(", ")}, or a number is none.\n\n${HELP}`);
    process.exitCode = 2;
  } else await run(names, options);
}

async function run(names: readonly string[], options: { rows: number; rounds: number }): Promise<void> {
  await installTools();
  const directory = await mkdtemp(path.join(tmpdir(), "holdfast-bench-"));
  try {
    await using server = await startServer();
    const bench = await createContext(server, options, directory);
    const machine = describeMachine(server.version);
    console.log(
      `${machine.processor}, ${machine.cores} cores, ${machine.memoryGiB} GiB; Node ${machine.node}; ${machine.postgres}`,
    );
    let made = false;
    for (const name of names) {
      const suite = SUITES[name];
      if (suite === undefined) continue;
      if (suite.ownTables !== true && !made) {
        await makeTables(server.sql, options.rows);
        made = true;
      }
      const result = await suite.measure(bench);
      for (const table of result.tables) printTable(table);
      printGoals(result.goals);
      if (values.keep === true || (options.rows >= 2_000_000 && options.rounds >= 3))
        await keepResult(result, machine, options);
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
