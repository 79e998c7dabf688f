// Runs every case of docs/drift.md as the page has it: what it says works is done, and what it says is refused is refused by the
// preview and by the restore, in the words of the page, with nothing touched.
import { readFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openApplication, type Application, type StoredBackup } from "./application-fixture.ts";

const page = readFileSync(path.join(import.meta.dirname, "../../docs/drift.md"), "utf8");
const EXAMPLE = /```sql\n(.*?)```/s.exec(page)?.[1] ?? "";
const ENTITIES = {
  TEAMS: ["app.teams"],
  USERS: ["app.users"],
  VISITS: ["app.visits"],
  EVENTS: ["app.events"],
};
const TABLES = Object.values(ENTITIES).flat();
const EMPTY = "DELETE FROM app.users; DELETE FROM app.visits; DELETE FROM app.events; DELETE FROM app.teams;";

interface Case {
  readonly title: string;
  readonly change: string;
  /** Where it is refused. */
  readonly refusal: { readonly code: string; readonly message: string } | undefined;
}

const cases = page
  .split("\n")
  .filter((line) => line.startsWith("| ") && !line.startsWith("| ---") && !line.startsWith("| Since"))
  .map(readCase);

function readCase(line: string): Case {
  const [title = "", example = "", outcome = "", remedy = ""] = line
    .slice(1, -1)
    .split(" | ")
    .map((cell) => cell.trim());
  const change = /^`(.+)`$/.exec(example)?.[1];
  if (change === undefined) throw new Error(`no SQL in the row: ${line}`);
  if (/^works\b/.test(outcome)) return { title, change, refusal: undefined };
  const [, code, message] = /^refused, `([A-Z_]+)`: `(.+)`$/.exec(outcome) ?? [];
  if (code === undefined || message === undefined || remedy === "")
    throw new Error(`not to be read: ${line}`);
  return { title, change, refusal: { code, message } };
}

/** What the rows hold, column by column as text, without what the database computes. */
async function readRows(app: Application): Promise<Record<string, Record<string, string | null>[]>> {
  const found: [string, Record<string, string | null>[]][] = [];
  for (const table of TABLES) {
    const rows = await app.sql.unsafe<{ row: Record<string, string | null> }[]>(
      `SELECT (SELECT jsonb_object_agg(key, value) FROM jsonb_each_text(to_jsonb(t)) WHERE key <> 'shout') AS row
       FROM ${table} t ORDER BY to_jsonb(t) -> 'at', to_jsonb(t) -> 'id'`,
    );
    found.push([table, rows.map(({ row }) => row)]);
  }
  return Object.fromEntries(found);
}

describe("a database that has changed since the backup", () => {
  let app: Application;
  let stored: StoredBackup;
  let before: Awaited<ReturnType<typeof readRows>>;
  beforeAll(async () => {
    app = await openApplication(EXAMPLE, ENTITIES);
    stored = await app.backUp();
    before = await readRows(app);
  });
  afterAll(() => app[Symbol.asyncDispose]());

  it("is described case by case, each once", () => {
    expect(cases.length).toBeGreaterThan(40);
    expect(new Set(cases.map(({ title }) => title)).size).toBe(cases.length);
    expect(new Set(cases.map(({ change }) => change)).size).toBe(cases.length);
  });

  it.each(cases)("$title", async ({ change, refusal }) => {
    await app.sql.unsafe(
      `DROP SCHEMA app, public CASCADE; CREATE SCHEMA public; ${EXAMPLE} ${EMPTY} ${change}`,
    );
    if (refusal !== undefined) {
      const untouched = await app.hashes();
      for (const dryRun of [true, false]) {
        await expect(app.restore(stored, { dryRun })).rejects.toMatchObject({
          code: refusal.code,
          message: expect.stringContaining(refusal.message),
          hint: expect.stringMatching(/./),
        });
      }
      expect(await app.hashes()).toEqual(untouched);
      return;
    }
    const preview = await app.restore(stored, { dryRun: true });
    await app.restore(stored, { expectPlan: preview.plan });
    const after = await readRows(app);
    for (const table of TABLES) {
      const rows = (before[table] ?? []).map((row) => expect.objectContaining(row));
      expect(after[table]).toEqual(rows);
    }
    const again = await app.restore(stored, { dryRun: true, mode: "REPLACE" });
    expect(again.changes.map(({ inserted, updated, deleted }) => [inserted, updated, deleted])).toEqual(
      TABLES.map(() => [0, 0, 0]),
    );
  });
});
