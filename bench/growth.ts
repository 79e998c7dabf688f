// How time grows: with rows, and with the number of tables.
import { randomUUID } from "node:crypto";
import path from "node:path";
import { holdfastActs, type BenchContext } from "./context.ts";
import { inTurn, measureCommand } from "./measure.ts";
import { median } from "./quantiles.ts";
import { ratio, tableOf, type Result } from "./report.ts";
import { LARGE, makeManyTables, makeTables, MANY_TABLES } from "./tables.ts";

/** Of the audit log; some 19 MB of COPY text for each hundred thousand. */
const SIZES = [500_000, 2_000_000, 8_000_000, 20_000_000];
const FEWEST_SECONDS_PER_ROW = 1e-12;

/** Backups and unchanged merges of ever more rows. Leaves the tables with the last of the sizes. */
export async function measureGrowth(bench: BenchContext, sizes: readonly number[] = SIZES): Promise<Result> {
  const { server } = bench;
  const perRow: Record<"backup" | "restore", number[]> = { backup: [], restore: [] };
  const rows: string[][] = [];
  for (const size of sizes) {
    await makeTables(server.sql, size);
    const holdfast = holdfastActs(bench, randomUUID());
    const measured = await inTurn(
      server,
      [
        { name: "backup", prepare: holdfast.forget, act: () => holdfast.backup(["AUDIT_LOG"]) },
        { name: "restore", act: () => holdfast.restore(["AUDIT_LOG"], "MERGE") },
      ],
      1,
    );
    await holdfast.forget();
    const [bytes] = await server.sql.unsafe<{ size: string }[]>(
      `select pg_table_size('${LARGE}')::text as size`,
    );
    for (const act of ["backup", "restore"] as const) {
      const [one] = measured.get(act) ?? [];
      if (one === undefined) throw new Error(`${act} was not measured`);
      const microseconds = (one.wallSeconds / size) * 1e6;
      perRow[act].push(Math.max(FEWEST_SECONDS_PER_ROW, microseconds));
      rows.push([
        `${act} of ${size.toLocaleString("en")} rows`,
        (Number(bytes?.size) / 1e9).toFixed(2),
        one.wallSeconds.toFixed(2),
        microseconds.toFixed(2),
        ((one.peakBytes ?? 0) / 1e6).toFixed(0),
      ]);
    }
  }
  const growth = (act: "backup" | "restore") => (perRow[act].at(-1) ?? 0) / (perRow[act][0] ?? 1);
  return {
    name: "growth",
    tables: [
      {
        title: "Time and rows",
        columns: ["", "table GB", "wall s", "µs a row", "peak MB"],
        rows,
      },
    ],
    goals: (["backup", "restore"] as const).map((act) => ({
      what: `time for a row of a ${act}, of the largest to that of the smallest`,
      found: growth(act),
      limit: 1.3,
      direction: "at most",
    })),
    figures: { sizes, microsecondsPerRow: perRow },
  };
}

/** Two thousand small tables, beside pg_dump. */
export async function measureManyTables(bench: BenchContext): Promise<Result> {
  const { server, directory, key, options } = bench;
  await makeManyTables(server.sql);
  // Deleted at the end: ext4 is slow to make files for some minutes after thousands were deleted, for it leaves their places alone.
  const made: ReturnType<typeof holdfastActs>[] = [];
  const backUp = () => {
    const holdfast = holdfastActs(bench, randomUUID());
    made.push(holdfast);
    return holdfast.backup(["MANY"]);
  };
  const name = "pg_dump -Fc -Z0 | zstd -1 | age";
  const file = path.join(directory, "many.age");
  const measured = await inTurn(
    server,
    [
      { name: "holdfast", act: backUp },
      {
        name,
        act: () =>
          measureCommand(
            `pg_dump -Fc -Z0 -t 'many.*' '${server.url}' | zstd -1 -q | age -r ${key.recipient} > '${file}'`,
            server.binDirectory,
          ),
      },
    ],
    options.rounds,
  );
  for (const { forget } of made) await forget();
  return {
    name: "many-tables",
    tables: [tableOf(`${MANY_TABLES.toLocaleString("en")} tables of 10 rows`, measured, "holdfast")],
    goals: [
      {
        what: `wall to ${name}`,
        found: ratio(measured.get("holdfast"), measured.get(name)),
        limit: 1.2,
        direction: "at most",
      },
    ],
    figures: {
      ...Object.fromEntries(measured),
      wallSecondsPerTable:
        median((measured.get("holdfast") ?? []).map(({ wallSeconds }) => wallSeconds)) / MANY_TABLES,
    },
  };
}
