// How time grows: with rows, and with the number of tables.
import { randomUUID } from "node:crypto";
import { rm } from "node:fs/promises";
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

const ONE_FILE = "pg_dump -Fc -Z0 | zstd -1 | age";
const FILE_EACH = "pg_dump -Fd -j2 -Z1";

/** Two thousand small tables, beside pg_dump: into one file, and into a file for each table, as an artifact has one. */
export async function measureManyTables(bench: BenchContext): Promise<Result> {
  const { server, directory, key, options } = bench;
  await makeManyTables(server.sql);
  // Deleted at the end: ext4 is slow to make files for some minutes after thousands were deleted, for it leaves their places alone.
  const made: string[] = [];
  const own: ReturnType<typeof holdfastActs>[] = [];
  const backUp = () => {
    const holdfast = holdfastActs(bench, randomUUID());
    own.push(holdfast);
    return holdfast.backup(["MANY"]);
  };
  const dump = (form: (place: string) => string) => () => {
    const place = path.join(directory, randomUUID());
    made.push(place);
    return measureCommand(form(place), server.binDirectory);
  };
  const url = `-t 'many.*' '${server.url}'`;
  const measured = await inTurn(
    server,
    [
      { name: "holdfast", act: backUp },
      {
        name: ONE_FILE,
        act: dump((file) => `pg_dump -Fc -Z0 ${url} | zstd -1 -q | age -r ${key.recipient} > '${file}'`),
      },
      { name: FILE_EACH, act: dump((place) => `pg_dump -Fd -j2 -Z1 ${url} -f '${place}'`) },
    ],
    options.rounds,
  );
  for (const { forget } of own) await forget();
  for (const place of made) await rm(place, { recursive: true });
  return {
    name: "many-tables",
    tables: [tableOf(`${MANY_TABLES.toLocaleString("en")} tables of 10 rows`, measured, "holdfast")],
    goals: [ONE_FILE, FILE_EACH].map((name) => ({
      what: `wall to ${name}`,
      found: ratio(measured.get("holdfast"), measured.get(name)),
      limit: 1.2,
      direction: "at most",
    })),
    figures: {
      ...Object.fromEntries(measured),
      wallSecondsPerTable:
        median((measured.get("holdfast") ?? []).map(({ wallSeconds }) => wallSeconds)) / MANY_TABLES,
    },
  };
}
