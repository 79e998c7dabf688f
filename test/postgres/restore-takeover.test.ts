// Runs that are taken up again: an earlier attempt has committed, still works, waits or wakes up late.
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import net from "node:net";
import { describe, expect, it } from "vitest";
import { openDatabase } from "../../src/postgres/connect.ts";
import { dropStaging, findStaging, takeOver } from "../../src/postgres/staging-schema.ts";
import { createFixture, summary } from "./restore-fixture.ts";
import { DDL, ENTITIES, NOTHING, damage, leftBehind, slowDown, untilQuery } from "./two-tables.ts";

describe("a run that is taken up again", () => {
  const signal = new AbortController().signal;

  it("finds what was done, if it was committed and nobody had written it down", async () => {
    await using fixture = await createFixture(DDL, ENTITIES);
    const backup = await fixture.backUp();
    await damage(fixture);
    const runId = randomUUID();
    const done = await fixture.restore(backup, { runId, attempt: 1 });
    const found = await takeOver(fixture.database, { runId, attempt: 2 }, signal);
    expect(found).toMatchObject({ plan: done.plan, tables: done.changes.map((changes) => ({ changes })) });
    expect(summary(done.changes)).toEqual({ "app.a": "10/3/7/0", "app.b": "10/3/7/0" });
    await dropStaging(fixture.database, runId, signal);
    expect(await leftBehind(fixture)).toEqual(NOTHING);
    expect(await takeOver(fixture.database, { runId, attempt: 3 }, signal)).toBeUndefined();
  });

  it("has not failed where the connection broke before the answer to COMMIT came", async () => {
    await using fixture = await createFixture(DDL, ENTITIES);
    const backup = await fixture.backUp();
    await damage(fixture);
    await using proxy = await cutAtCommit(fixture.url, { forGood: false });
    const database = openDatabase({ name: "app", url: proxy.url, applicationName: "cut", maxConnections: 4 });
    const { changes } = await fixture.restore(backup, { database });
    await database.close();
    expect(summary(changes)).toEqual({ "app.a": "10/3/7/0", "app.b": "10/3/7/0" });
    expect(await fixture.sql`select v from app.b where id = 1`).toEqual([{ v: "b1" }]);
    expect(await leftBehind(fixture)).toEqual(NOTHING);
  });

  it("finds what was done also where the database went away before the answer to COMMIT came", async () => {
    await using fixture = await createFixture(DDL, ENTITIES);
    const backup = await fixture.backUp();
    await damage(fixture);
    const runId = randomUUID();
    await using proxy = await cutAtCommit(fixture.url, { forGood: true });
    const database = openDatabase({ name: "app", url: proxy.url, applicationName: "cut", maxConnections: 4 });
    const first = fixture.restore(backup, { runId, attempt: 1, database });
    await expect(first).rejects.toMatchObject({ code: "OUTCOME_UNKNOWN", retryable: true });
    await database.close();
    const found = await takeOver(fixture.database, { runId, attempt: 2 }, signal);
    expect(summary(found?.tables.map(({ changes }) => changes) ?? [])).toEqual({
      "app.a": "10/3/7/0",
      "app.b": "10/3/7/0",
    });
    expect(await fixture.sql`select v from app.b where id = 1`).toEqual([{ v: "b1" }]);
    await dropStaging(fixture.database, runId, signal);
    expect(await leftBehind(fixture)).toEqual(NOTHING);
  });

  it("ends what an earlier attempt is still doing, and clears up after it", async () => {
    await using fixture = await createFixture(DDL, ENTITIES);
    const backup = await fixture.backUp();
    await damage(fixture);
    await slowDown(fixture);
    const before = await fixture.contents();
    const runId = randomUUID();
    const first = fixture.restore(backup, { runId, attempt: 1 });
    const outcome = expect(first).rejects.toMatchObject({ code: "DATABASE_UNREACHABLE" });
    await untilQuery(fixture, 'INSERT INTO "app"."b"');
    expect(await takeOver(fixture.database, { runId, attempt: 2 }, signal)).toBeUndefined();
    await outcome;
    expect(await fixture.contents()).toEqual(before);
    expect(await leftBehind(fixture)).toEqual(NOTHING);
  });

  it("ends an earlier attempt that waits for a table, and is not in its way", async () => {
    await using fixture = await createFixture(DDL, ENTITIES);
    const backup = await fixture.backUp();
    const runId = randomUUID();
    await fixture.sql.begin(async (tx) => {
      await tx`insert into app.b values (500, 'not committed')`;
      const first = fixture.restore(backup, { runId, attempt: 1, lockTimeoutMs: 3_600_000 });
      const outcome = expect(first).rejects.toMatchObject({ code: "DATABASE_UNREACHABLE" });
      await untilQuery(fixture, "LOCK TABLE");
      expect(await takeOver(fixture.database, { runId, attempt: 2 }, signal)).toBeUndefined();
      await outcome;
    });
    expect(await leftBehind(fixture)).toEqual(NOTHING);
  });

  it("is safe from an earlier attempt that wakes up late", async () => {
    await using fixture = await createFixture(DDL, ENTITIES);
    const backup = await fixture.backUp();
    await damage(fixture);
    const before = await fixture.contents();
    const runId = randomUUID();
    const first = fixture.restore(backup, {
      runId,
      attempt: 1,
      onStaged: async () => {
        expect(await takeOver(fixture.database, { runId, attempt: 2 }, signal)).toBeUndefined();
      },
    });
    await expect(first).rejects.toMatchObject({ code: "SUPERSEDED" });
    expect(await fixture.contents()).toEqual(before);
  });

  it("does not take over from a later attempt", async () => {
    await using fixture = await createFixture(DDL, ENTITIES);
    const backup = await fixture.backUp();
    const runId = randomUUID();
    await fixture.restore(backup, {
      runId,
      attempt: 2,
      onStaged: async () => {
        const taking = takeOver(fixture.database, { runId, attempt: 1 }, signal);
        await expect(taking).rejects.toMatchObject({ code: "SUPERSEDED" });
      },
    });
  });

  it("can be found by what it left in the database", async () => {
    await using fixture = await createFixture(DDL, ENTITIES);
    const backup = await fixture.backUp();
    const runId = randomUUID();
    await fixture.restore(backup, { runId, attempt: 3 });
    await using session = await fixture.database.session(signal);
    expect(await findStaging(session)).toMatchObject([{ runId, attempt: 3 }]);
    expect(await findStaging(session, randomUUID())).toEqual([]);
  });
});

/** In front of the server; swallows its answer to the COMMIT of a transaction that has written an outcome, and ends the connection; `forGood`: it lets none in after. */
async function cutAtCommit(
  target: string,
  { forGood }: { readonly forGood: boolean },
): Promise<AsyncDisposable & { readonly url: string }> {
  const { hostname, port } = new URL(target);
  const url = new URL(target);
  let gone = false;
  const server = net.createServer((client) => {
    if (gone) {
      client.destroy();
      return;
    }
    const upstream = net.connect(Number(port), hostname);
    let state: "passing" | "written" | "committing" = "passing";
    client.on("data", (bytes) => {
      if (bytes.includes('outcome" VALUES')) state = "written";
      else if (state === "written" && bytes.includes("COMMIT")) state = "committing";
      upstream.write(bytes);
    });
    upstream.on("data", (bytes) => {
      if (state === "committing") {
        gone = forGood;
        client.destroy();
      } else client.write(bytes);
    });
    for (const socket of [client, upstream]) {
      socket.on("error", () => undefined);
      socket.on("close", () => (socket === client ? upstream : client).destroy());
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  url.hostname = "127.0.0.1";
  url.port = String(typeof address === "object" ? address?.port : "");
  return {
    url: url.href,
    async [Symbol.asyncDispose]() {
      server.close();
      await once(server, "close");
    },
  };
}
