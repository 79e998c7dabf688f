// Random live rows, random backups, every mode and choice of entities: each restore does exactly what the model says, or is refused
// exactly when it says so, and its preview had said the same.
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RestoreMode } from "../../src/core/run.ts";
import { isHoldfastError } from "../../src/core/errors.ts";
import type { Database } from "../../src/postgres/connect.ts";
import { createFixture, summary, type MemoryBackup, type RestoreFixture } from "./restore-fixture.ts";
import { predict, type Row, type State, type Value } from "./restore-model.ts";
import { DDL, ENTITIES, TABLES, states } from "./restore-states.ts";

const CHOICES = ["TEAMS", "PEOPLE", "WORDS", "OUTSIDE"];
const MODES: readonly RestoreMode[] = ["MERGE", "REPLACE", "INSERT_MISSING"];

const RUNS = Number(process.env["HOLDFAST_TEST_RUNS"] ?? 30);

describe.each(["a superuser", "the tables' plain owner"])("a restore by %s", (role) => {
  let fixture: RestoreFixture;
  let database: Database;
  let empty: MemoryBackup;

  beforeAll(async () => {
    fixture = await createFixture(DDL, ENTITIES);
    empty = await fixture.backUp();
    database = role === "a superuser" ? fixture.database : await fixture.asOwner();
  });
  afterAll(() => fixture[Symbol.asyncDispose]());

  it("does what the model says in every mode, or is refused when it says so", async () => {
    await fc.assert(
      fc.asyncProperty(
        states,
        fc.constantFrom(...MODES),
        fc.subarray(CHOICES, { minLength: 1 }),
        fc.boolean(),
        async ({ live, backup }, mode, entities, early) => {
          await setLive(fixture, live);
          const before = await fixture.contents();
          const prediction = predict(TABLES, live, backup, mode, new Set(entities));
          const rows = backupOf(empty, backup);
          const attempt = (dryRun: boolean, expectPlan?: string) =>
            fixture
              .restore(rows, { mode, entities, dryRun, expectPlan, database, early: early && !dryRun })
              .then((result) => ({ ...result, changes: summary(result.changes) }))
              .catch((error: unknown) => {
                if (!isHoldfastError(error)) throw error;
                return { code: error.code };
              });

          const preview = await attempt(true);
          expect(await fixture.contents()).toEqual(before);
          if ("refusal" in prediction) {
            expect(preview).toEqual({ code: prediction.refusal });
            expect(await attempt(false)).toEqual({ code: prediction.refusal });
            expect(await fixture.contents()).toEqual(before);
            return;
          }
          expect(preview).toMatchObject({ changes: prediction.changes });
          if (!("plan" in preview)) return;
          expect(await attempt(false, preview.plan)).toEqual(preview);
          expect(await readLive(fixture)).toEqual(sorted(prediction.state));
          await checkSequences(fixture, prediction.changes);
        },
      ),
      { numRuns: RUNS },
    );
  }, 600_000);
});

async function setLive({ sql }: RestoreFixture, state: State): Promise<void> {
  await sql.begin(async (tx) => {
    await tx`set local session_replication_role = replica`;
    for (const { name } of TABLES) {
      const rows = state[name] ?? [];
      await tx.unsafe(`delete from ${name}`);
      if (rows.length > 0) {
        const columns = Object.keys(rows[0] ?? {}).join(", ");
        await tx.unsafe(
          `insert into ${name} (${columns}) overriding system value select ${columns} from json_populate_recordset(null::${name}, $1::text::json)`,
          [JSON.stringify(rows)],
        );
      }
    }
    await tx`alter table app.teams alter id restart`;
    await tx`alter table app.notes alter id restart`;
  });
}

async function readLive({ sql }: RestoreFixture): Promise<State> {
  const state: Record<string, Row[]> = {};
  for (const { name, columns, unknown } of TABLES) {
    const list = [...columns, ...Object.keys(unknown)];
    const rows = await sql.unsafe<Record<string, Value>[]>(`select ${list.join(", ")} from ${name}`);
    state[name] = rows.map((row) =>
      Object.fromEntries(
        list.map((column) => [column, column === "id" ? Number(row[column]) : (row[column] ?? null)]),
      ),
    );
  }
  return sorted(state);
}

/** Rows in an order of their own, each with its columns in the table's. */
function sorted(state: State): State {
  const entries = TABLES.map(({ name, columns, unknown }): [string, Row[]] => {
    const list = [...columns, ...Object.keys(unknown)];
    const rows = (state[name] ?? []).map((row) => list.map((column) => row[column] ?? null));
    const ordered = rows.map((row) => JSON.stringify(row)).toSorted();
    return [name, ordered.map((text) => ({ text }))];
  });
  return Object.fromEntries(entries);
}

/** COPY text made here, so that the property does not rest on how backups are read. */
function backupOf(shapes: MemoryBackup, state: State): MemoryBackup {
  const copies = new Map<string, Buffer[]>();
  const tables = shapes.tables.map((shape) => {
    const label = `${shape.schema}.${shape.name}`;
    const columns = TABLES.find(({ name }) => name === label)?.columns ?? [];
    const rows = state[label] ?? [];
    const text = rows.map((row) => `${columns.map((column) => row[column] ?? "\\N").join("\t")}\n`).join("");
    copies.set(label, [Buffer.from(text)]);
    return {
      ...shape,
      columns: shape.columns.filter(({ name, generated }) => columns.includes(name) || generated !== null),
      rows: rows.length,
    };
  });
  return { tables, copies };
}

/** Whatever is inserted next gets an id that no row has. */
async function checkSequences(
  { sql }: RestoreFixture,
  changes: Readonly<Record<string, string>>,
): Promise<void> {
  for (const table of ["app.teams", "app.notes"]) {
    const [inserted = 0, updated = 0] = (changes[table] ?? "0/0").split("/").map(Number);
    const [row] = await sql.unsafe<{ next: number; max: number | null }[]>(
      `select (select last_value + is_called::int from ${table}_id_seq)::int as next, max(id)::int as max from ${table}`,
    );
    if (inserted + updated > 0) expect(row?.next).toBe((row?.max ?? 0) + 1);
    else expect(row?.next).toBe(1);
  }
}
