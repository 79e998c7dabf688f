// Subscriptions over both transports: the present state, changes, the end; and how they end early.
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { finishRun } from "../../src/ledger/attempts.ts";
import {
  claim,
  finishedBackup,
  queuedBackup,
  queuedRestore,
  report,
  succeedBackup,
  succeedRestore,
} from "./runs-driver.ts";
import { ALL, codeOf, missingOf, startTestServer, type Account, type TestServer } from "./server-fixture.ts";
import { collect, next, subscribe, TRANSPORTS } from "./subscribe.ts";

let server: TestServer;
let account: Account;
beforeAll(async () => {
  server = await startTestServer();
  account = await server.accountWith(...ALL);
});
afterAll(() => server[Symbol.asyncDispose]());

interface Shown {
  readonly backupProgress: {
    readonly status: string;
    readonly rows: number | null;
    readonly progress: { readonly percent: number };
  };
}

describe.each(TRANSPORTS)("over %s", (transport) => {
  const watchBackup = (id: string, by: Account = account) =>
    subscribe<Shown>(transport, server.url, {
      query: `subscription ($id: ID!) { backupProgress(id: $id) { status rows progress { percent } } }`,
      variables: { id },
      authorization: by.authorization,
    });
  const watchRuns = (by: Account) =>
    subscribe<{ runs: { id: string; status: string } }>(transport, server.url, {
      query: "subscription { runs { __typename id status } }",
      authorization: by.authorization,
    });

  it("a backup's subscriber sees the present state, then the changes, then the end", async () => {
    const { ledger } = server.world;
    const id = await queuedBackup(ledger, ["USERS"]);
    const answers = watchBackup(id);
    expect(await next(answers)).toMatchObject({ data: { backupProgress: { status: "QUEUED", rows: null } } });
    const lease = await claim(ledger, id);
    expect(await next(answers)).toMatchObject({ data: { backupProgress: { status: "RUNNING" } } });
    await report(ledger, lease, { percent: 42 });
    expect(await next(answers)).toMatchObject({ data: { backupProgress: { progress: { percent: 42 } } } });
    await succeedBackup(ledger, lease, ["USERS"]);
    expect(await collect(answers)).toEqual([
      { data: { backupProgress: { status: "SUCCEEDED", rows: 10, progress: { percent: 100 } } } },
    ]);
  });

  it("a restore's subscriber sees the changes that were made at the end", async () => {
    const { ledger } = server.world;
    const id = await queuedRestore(ledger, await finishedBackup(ledger, ["USERS"]), ["USERS"]);
    const answers = subscribe(transport, server.url, {
      query:
        "subscription ($id: ID!) { restoreProgress(id: $id) { status plan changes { table inserted } } }",
      variables: { id },
      authorization: account.authorization,
    });
    expect(await next(answers)).toMatchObject({
      data: { restoreProgress: { status: "QUEUED", changes: [] } },
    });
    const counts = { inserted: 7, updated: 0, unchanged: 0, deleted: 0 };
    const change = { entity: "USERS", table: "platform.users", ...counts };
    await succeedRestore(ledger, await claim(ledger, id), [change]);
    const rest = await collect(answers);
    expect(rest.at(-1)).toEqual({
      data: {
        restoreProgress: {
          status: "SUCCEEDED",
          plan: "the plan",
          changes: [{ table: "platform.users", inserted: 7 }],
        },
      },
    });
  });

  it("of many changes the last one comes always, and the percentage never falls", async () => {
    const { ledger } = server.world;
    const id = await queuedBackup(ledger, ["USERS"]);
    const lease = await claim(ledger, id);
    const answers = watchBackup(id);
    await next(answers);
    for (let percent = 1; percent <= 90; percent += 1) await report(ledger, lease, { percent });
    await succeedBackup(ledger, lease, ["USERS"]);
    const rest = await collect(answers);
    expect(rest.at(-1)).toMatchObject({ data: { backupProgress: { status: "SUCCEEDED" } } });
    const percents = rest.map(({ data }) => data?.backupProgress.progress.percent ?? Number.NaN);
    expect(percents).toEqual(percents.toSorted((a, b) => a - b));
  });

  it("who comes after the end sees the end", async () => {
    const { ledger } = server.world;
    const succeeded = await finishedBackup(ledger, ["USERS"]);
    expect(await collect(watchBackup(succeeded))).toMatchObject([
      { data: { backupProgress: { status: "SUCCEEDED", rows: 10 } } },
    ]);
    const cancelled = await queuedBackup(ledger, ["USERS"]);
    await finishRun(ledger, await claim(ledger, cancelled), { status: "CANCELLED" });
    expect(await collect(watchBackup(cancelled))).toMatchObject([
      { data: { backupProgress: { status: "CANCELLED" } } },
    ]);
  });

  it("what is not there, or not for the caller, is an error and then the end", async () => {
    const id = await queuedBackup(server.world.ledger, ["USERS", "ALERTS"]);
    const stranger = await server.accountWith("READ_ACLS");
    for (const answers of [watchBackup("no id"), watchBackup(id, stranger)]) {
      const all = await collect(answers);
      expect(all.map(codeOf)).toEqual(["NOT_FOUND"]);
      expect(all[0]?.errors?.[0]?.extensions).toMatchObject({ hint: expect.any(String) });
      expect(all[0]?.errors?.[0]?.extensions).not.toHaveProperty("http");
    }
  });

  it("every run that the caller may read is shown as it changes, and no other", async () => {
    const { ledger } = server.world;
    const reader = await server.accountWith("READ_ALERTS");
    const answers = watchRuns(reader);
    const visible = new Set<string>();
    const done = new AbortController();
    // Runs that changed before the subscription began are not shown, so they are made until enough have come.
    const making = (async () => {
      while (!done.signal.aborted) {
        await queuedBackup(ledger, ["ALERTS", "USERS"]);
        visible.add(await queuedBackup(ledger, ["ALERTS"]));
        await sleep(20);
      }
    })();
    const shown = [await next(answers), await next(answers), await next(answers)];
    done.abort();
    await making;
    await answers.return();
    const ids = shown.map(({ data }) => data?.runs.id ?? "nothing");
    expect(ids.filter((id) => !visible.has(id))).toEqual([]);
  });

  it("a subscription whose token is revoked ends with UNAUTHENTICATED", async () => {
    const owner = await server.accountWith("READ_ACLS");
    const caller = await server.world.auth.authenticate(owner.authorization);
    const { token, accessToken } = await server.world.auth.createToken(caller, { name: "watcher" });
    const id = await queuedBackup(server.world.ledger, ["USERS"]);
    const answers = watchBackup(id, { ...owner, authorization: `Bearer pat:${token}` });
    await next(answers);
    await server.world.auth.revokeToken(caller, accessToken.id);
    expect((await collect(answers)).map(codeOf)).toEqual(["UNAUTHENTICATED"]);
  });

  it("a subscription whose caller loses the permission ends with an error, and shows nothing more", async () => {
    const { ledger } = server.world;
    const reader = await server.accountWith("READ_ACLS");
    const id = await queuedBackup(ledger, ["USERS"]);
    const answers = watchBackup(id, reader);
    await next(answers);
    await ledger.sql`update platform.roles set permissions = '{}' where name = ${`r-${reader.username}`}`;
    expect((await collect(answers)).map(codeOf)).toEqual(["NOT_FOUND"]);
  });

  it("a client that leaves while nothing happens is forgotten", async () => {
    const { ledger } = server.world;
    const id = await queuedBackup(ledger, ["USERS"]);
    const watched = vi.spyOn(server.deps.watcher, "watch");
    const answers = watchBackup(id);
    await next(answers);
    const source = watched.mock.results[0]?.value;
    watched.mockRestore();
    await answers.return();
    await expect.poll(() => source.closed).toBe(true);
  });

  it("starting is audited, authorised and answered here too", async () => {
    const reader = await server.accountWith("READ_ACLS");
    const start = (entity: string) =>
      collect(
        subscribe<{ startBackup: { status: string } }>(transport, server.url, {
          query: `mutation { startBackup(input: { entities: [${entity}] }) { status } }`,
          authorization: reader.authorization,
        }),
      );
    expect(await start("USERS")).toEqual([{ data: { startBackup: { status: "QUEUED" } } }]);
    const [refused = {}] = await start("ALERTS");
    expect([codeOf(refused), missingOf(refused)]).toEqual(["FORBIDDEN", ["READ_ALERTS"]]);
  });
});
