// Restores of the large table from an encrypted artifact, beside pg_restore into the truncated table.
import { randomUUID } from "node:crypto";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { holdfastActs, type BenchContext } from "./context.ts";
import { inTurn, measureCommand, type Contender } from "./measure.ts";
import { median } from "./quantiles.ts";
import { ratio, tableOf, type Goal, type Result } from "./report.ts";
import { LARGE } from "./tables.ts";

const PIPE = "age -d | zstd -d | pg_restore --data-only";
const ENTITIES = ["AUDIT_LOG"];

export async function measureRestores(bench: BenchContext): Promise<Result> {
  const { server, directory, key, options } = bench;
  const { sql } = server;
  const file = path.join(directory, "backup.age");
  const identityFile = path.join(directory, "identity.txt");
  await writeFile(identityFile, `${key.identity}\n`, { mode: 0o600 });
  await measureCommand(
    `pg_dump -Fc -Z0 -t ${LARGE} '${server.url}' | zstd -1 -q | age -r ${key.recipient} > '${file}'`,
    server.binDirectory,
  );
  const holdfast = holdfastActs(bench, randomUUID());
  await holdfast.backup(ENTITIES);

  const tidy = async () => void (await sql.unsafe(`vacuum analyze ${LARGE}`));
  const empty = async () => void (await sql.unsafe(`truncate ${LARGE}`));
  /** Rows that differ, and with `also` rows that are missing and rows that are new. */
  const change = async (also: boolean): Promise<void> => {
    await sql.unsafe(`update ${LARGE} set message = message || '!' where id % 100 = 0`);
    if (also) {
      await sql.unsafe(`delete from ${LARGE} where id % 200 = 7`);
      await sql.unsafe(
        `insert into ${LARGE} (id, at, request, actor, details, message)
         select n, now(), gen_random_uuid(), 'new', '{}', 'new' from generate_series(${options.rows + 1}, ${options.rows + Math.ceil(options.rows / 200)}) n`,
      );
    }
    await tidy();
  };
  const contenders: Contender[] = [
    { name: "MERGE, nothing changed", prepare: tidy, act: () => holdfast.restore(ENTITIES, "MERGE") },
    { name: "preview of it", prepare: tidy, act: () => holdfast.restore(ENTITIES, "MERGE", true) },
    {
      name: "MERGE, 1 % changed",
      prepare: () => change(false),
      act: () => holdfast.restore(ENTITIES, "MERGE"),
    },
    {
      name: "REPLACE, 1 % changed, 0.5 % missing, 0.5 % new",
      prepare: () => change(true),
      act: () => holdfast.restore(ENTITIES, "REPLACE"),
    },
    { name: "REPLACE, nothing left", prepare: empty, act: () => holdfast.restore(ENTITIES, "REPLACE") },
    {
      name: PIPE,
      prepare: empty,
      act: () =>
        measureCommand(
          `age -d -i '${identityFile}' '${file}' | zstd -d -q | pg_restore --data-only -d '${server.url}'`,
          server.binDirectory,
        ),
    },
  ];
  const measured = await inTurn(server, contenders, options.rounds);
  await holdfast.forget();
  const of = (name: string) => measured.get(name);
  const within = (name: string, limit: number, reference = PIPE): Goal => ({
    what: `wall of ${name} to ${reference}`,
    found: ratio(of(name), of(reference)),
    limit,
    direction: "at most",
  });
  const written = median((of("MERGE, nothing changed") ?? []).map(({ writtenRows }) => writtenRows));
  return {
    name: "restores",
    tables: [tableOf("Restore of the large table, encrypted, decrypted and verified", measured, PIPE)],
    goals: [
      within("REPLACE, nothing left", 1),
      within("REPLACE, 1 % changed, 0.5 % missing, 0.5 % new", 1),
      within("MERGE, nothing changed", 0.95),
      within("MERGE, 1 % changed", 1),
      within("preview of it", 1, "MERGE, nothing changed"),
      { what: "rows written by MERGE where nothing changed", found: written, limit: 0, direction: "at most" },
    ],
    figures: Object.fromEntries(measured),
  };
}
