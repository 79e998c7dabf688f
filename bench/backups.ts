// A backup, encrypted, beside what people would use instead.
import { randomUUID } from "node:crypto";
import { rm } from "node:fs/promises";
import path from "node:path";
import { holdfastActs, type BenchContext } from "./context.ts";
import { inTurn, measureCommand, type Contender } from "./measure.ts";
import { median } from "./quantiles.ts";
import { ratio, tableOf, type Result } from "./report.ts";
import { ALL_ENTITIES } from "./tables.ts";

const CORES = 2;
const PIPE = "pg_dump -Fc -Z0 | zstd -1 | age";
const DIRECTORY = "pg_dump -Fd -j2 -Z1";

export async function measureBackups(bench: BenchContext): Promise<Result> {
  const { server, directory, key, options } = bench;
  const holdfast = holdfastActs(bench, randomUUID());
  const file = path.join(directory, "backup.age");
  const dumped = path.join(directory, "dumped");
  const contenders: Contender[] = [
    { name: "holdfast", prepare: holdfast.forget, act: () => holdfast.backup(ALL_ENTITIES) },
    {
      name: PIPE,
      act: () =>
        measureCommand(
          `pg_dump -Fc -Z0 '${server.url}' | zstd -1 -q | age -r ${key.recipient} > '${file}'`,
          server.binDirectory,
        ),
    },
    {
      name: DIRECTORY,
      prepare: () => rm(dumped, { recursive: true, force: true }),
      act: () => measureCommand(`pg_dump -Fd -j2 -Z1 -f '${dumped}' '${server.url}'`, server.binDirectory),
    },
  ];
  const measured = await inTurn(server, contenders, options.rounds);
  await holdfast.forget();
  const own = measured.get("holdfast") ?? [];
  const floorShare = median(
    own.map((one) => (one.serverSeconds + one.clientSeconds) / CORES / one.wallSeconds),
  );
  return {
    name: "backups",
    tables: [tableOf("Backup, encrypted", measured, "holdfast")],
    goals: [
      { what: `wall of ${PIPE}`, found: ratio(own, measured.get(PIPE)), limit: 0.65, direction: "at most" },
      {
        what: `wall of ${DIRECTORY}`,
        found: ratio(own, measured.get(DIRECTORY)),
        limit: 0.65,
        direction: "at most",
      },
      {
        what: `share of the floor: CPU seconds of server and client over ${CORES} cores`,
        found: floorShare,
        limit: 0.9,
        direction: "at least",
      },
    ],
    figures: Object.fromEntries(measured),
  };
}
