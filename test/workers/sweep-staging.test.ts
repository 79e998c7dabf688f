// What restores have left staged is removed when nobody can need it any more, and nothing else is.
import { randomUUID } from "node:crypto";
import { pino } from "pino";
import { expect, it } from "vitest";
import { claimRun, finishRun } from "../../src/ledger/attempts.ts";
import { openDatabase } from "../../src/postgres/connect.ts";
import { openStaging } from "../../src/postgres/staging.ts";
import { createRun } from "../../src/ledger/runs.ts";
import { sweepAllStaging } from "../../workers/sweep-staging.ts";
import { openDatabases } from "../engine/several-databases.ts";
import { claimed, restoreRun, testLedger } from "../ledger/runs-fixture.ts";
import { createDatabase } from "../support/postgres.ts";

it("staging of runs that are over, or that nobody knows and is old, goes; what is at work or may be taken up stays", async () => {
  await using home = await createDatabase({ migrated: true });
  const ledger = testLedger(home.url);
  await using world = await openDatabases({
    app: { ddl: "create table app.things (id int primary key)", entities: { THINGS: ["things"] } },
  });
  const artifactId = await world.backUp();
  const { catalog, databaseUrl } = world;
  const deps = { ledger, catalog, databaseUrl, log: pino({ level: "silent" }) };
  const sql = world.sql("app");
  const start = async () => {
    const run = restoreRun(randomUUID());
    await createRun(ledger, run);
    return claimed(await claimRun(ledger, run.id)).lease;
  };
  const [over, open] = [await start(), await start()];
  await finishRun(ledger, over, { status: "CANCELLED" });
  const [young, old] = [randomUUID(), randomUUID()];
  for (const runId of [over.runId, open.runId, young, old]) await world.restore(artifactId, { runId });
  const schemaOf = (runId: string) => `holdfast_restore_${runId.replaceAll("-", "")}_1`;
  await sql.unsafe(
    `comment on schema ${schemaOf(old)} is 'A restore of Holdfast''s, since 2020-01-01 00:00:00+00'`,
  );

  await sweepAllStaging(deps);
  expect((await world.leftovers()).toSorted()).toEqual([schemaOf(open.runId), schemaOf(young)].toSorted());

  // A restore from the command line, which no ledger knows, goes on for as long as it likes.
  const signal = new AbortController().signal;
  const database = openDatabase({
    ...{ name: "app", url: databaseUrl("app"), applicationName: "test", maxConnections: 2 },
  });
  const owners = { entityOf: () => undefined, isFirst: () => false, partial: new Set<string>() };
  const order = { runId: randomUUID(), attempt: 1, tables: [], catalog: owners };
  const staging = await openStaging(database, order, signal);
  await sweepAllStaging(deps, 0);
  expect((await world.leftovers()).toSorted()).toEqual(
    [schemaOf(open.runId), schemaOf(order.runId)].toSorted(),
  );
  await staging.close();
  await database.close();
});
