// Tables of every kind, all in one database, through a backup and restores in every mode: on the embedded PostgreSQL, on Debian's 15,
// and from the one into the other.
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import type { RestoreMode, TableChanges } from "../../src/core/run.ts";
import { tableLabel } from "../../src/core/catalog.ts";
import { hasPostgres15, startPostgres15, type OtherServer } from "../support/debian-postgres.ts";
import { openApplication, type Application, type StoredBackup } from "./application-fixture.ts";
import { TABLE_CASES } from "./table-cases.ts";

/** @param major the version of the server, or of the older of two servers */
function tablesFor(major: number) {
  const cases = TABLE_CASES.filter(({ since = 0 }) => since <= major);
  return {
    ddl: `create schema app; ${cases.map(({ ddl }) => ddl).join(";\n")}`,
    entities: { EVERYTHING: cases.flatMap(({ tables }) => tables) },
    damage: (mode: RestoreMode): string => cases.map(({ damage }) => damage[mode]).join(";\n"),
    titlesOf: (labels: readonly string[]): string[] =>
      cases
        .filter(({ tables }) =>
          tables.some((table) => labels.includes(typeof table === "string" ? table : tableLabel(table))),
        )
        .map(({ title }) => title),
  };
}

const touched = (changes: readonly TableChanges[]): string[] =>
  changes
    .filter(({ inserted, updated, deleted }) => inserted + updated + deleted > 0)
    .map(({ table }) => table);

const differences = (one: Record<string, string>, other: Record<string, string>): string[] =>
  Object.keys(one).filter((table) => one[table] !== other[table]);

async function openTables(major: number, server: string) {
  const { ddl, entities } = tablesFor(major);
  return openApplication(ddl, entities, { server });
}

function comeBack(major: number, server: () => string): void {
  const { damage, titlesOf } = tablesFor(major);
  let app: Application;
  let stored: StoredBackup;
  let before: Record<string, string>;
  beforeAll(async () => {
    app = await openTables(major, server());
    before = await app.hashes();
    stored = await app.backUp();
  });
  afterAll(() => app[Symbol.asyncDispose]());

  it("are as they were to a preview right after the backup", async () => {
    const { changes } = await app.restore(stored, { mode: "REPLACE", dryRun: true });
    expect(titlesOf(touched(changes))).toEqual([]);
  });

  it.each<RestoreMode>(["MERGE", "REPLACE", "INSERT_MISSING"])(
    "come back row for row by %s, as its preview says",
    async (mode) => {
      await app.sql.unsafe(damage(mode));
      const preview = await app.restore(stored, { mode, dryRun: true });
      const { changes } = await app.restore(stored, { mode, expectPlan: preview.plan });
      expect(changes).toEqual(preview.changes);
      expect(differences(before, await app.hashes())).toEqual([]);
      expect(titlesOf(touched(changes)).length).toBeGreaterThan(15);
    },
  );
}

describe("tables of every kind on the embedded PostgreSQL", () => {
  comeBack(18, () => inject("postgresUrl"));
});

describe.runIf(hasPostgres15)("PostgreSQL 15 beside it (where postgresql-15 is installed)", () => {
  let other: OtherServer;
  beforeAll(async () => {
    other = await startPostgres15();
  });
  afterAll(() => other.stop());

  describe("tables of every kind on it", () => {
    comeBack(15, () => other.url);
  });

  it.each([
    ["the embedded PostgreSQL", "PostgreSQL 15", () => [inject("postgresUrl"), other.url]],
    ["PostgreSQL 15", "the embedded PostgreSQL", () => [other.url, inject("postgresUrl")]],
  ])("takes them from %s to %s", async (_from, _to, servers) => {
    const [from = "", to = ""] = servers();
    await using source = await openTables(15, from);
    await using target = await openTables(15, to);
    const before = await source.hashes();
    const { damage, titlesOf } = tablesFor(15);
    await target.sql.unsafe(damage("REPLACE"));
    const stored = await source.backUp();
    const { changes } = await target.restore(stored, { mode: "REPLACE" });
    expect(titlesOf(touched(changes)).length).toBeGreaterThan(15);
    expect(differences(before, await target.hashes())).toEqual([]);
  });
});
