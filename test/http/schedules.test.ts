// Schedules, pruning and pinning through the API: what clients send and see.
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { generateIdentity } from "../../src/codec/age.ts";
import { claim, finishedBackup, succeedBackup } from "./runs-driver.ts";
import { ALL, ask, codeOf, startTestServer, type Account, type TestServer } from "./server-fixture.ts";

let server: TestServer;
let account: Account;
beforeAll(async () => {
  server = await startTestServer();
  account = await server.accountWith(...ALL);
});
afterAll(() => server[Symbol.asyncDispose]());
beforeEach(async () => {
  await server.world.ledger.sql`truncate holdfast.schedules, holdfast.runs cascade`;
});

const send = (query: string, variables: object = {}) =>
  ask(server.url, query, { variables, authorization: account.authorization });
async function execute(query: string, variables: object = {}): Promise<Record<string, unknown>> {
  const { data, errors } = await send(query, variables);
  return data ?? expect.fail(JSON.stringify(errors));
}
const FIELDS = `id name cron timeZone entities recipients stores enabled drillCron nextRunAt nextDrillAt createdBy
  retention { keepLast keepDaily } selection { entities groups include } lastBackup { id status }`;
const create = async (input: object) => {
  const query = `mutation ($input: ScheduleInput!) { createSchedule(input: $input) { ${FIELDS} } }`;
  const { createSchedule } = await execute(query, { input });
  return createSchedule as { readonly id: string };
};

it("a schedule is made with the contract's defaults, and shows when it runs next", async () => {
  const made = await create({ name: "nightly", cron: "30 2 * * *" });
  expect(made).toMatchObject({
    ...{
      name: "nightly",
      cron: "30 2 * * *",
      timeZone: "UTC",
      enabled: true,
      stores: ["local"],
      recipients: [],
    },
    ...{ retention: null, drillCron: null, nextDrillAt: null, lastBackup: null, createdBy: account.username },
    selection: { entities: null, groups: null, include: null },
    entities: expect.arrayContaining(["USERS", "SPACES"]),
    nextRunAt: expect.stringMatching(/T02:30:00.000Z$/),
  });
  expect(await execute(`{ schedules { ${FIELDS} } }`)).toEqual({ schedules: [made] });
});

it("a schedule is changed, shows nothing to come while it is disabled, and is deleted", async () => {
  const { recipient } = await generateIdentity();
  const retention = { keepLast: 3 };
  const { id } = await create({
    name: "n",
    cron: "@daily",
    groups: ["AUTH"],
    recipients: [recipient],
    retention,
  });
  const update = `mutation ($id: ID!, $input: ScheduleInput!) { updateSchedule(id: $id, input: $input) { ${FIELDS} } }`;
  const input = {
    name: "n",
    cron: "0 4 * * *",
    timeZone: "Europe/Berlin",
    enabled: false,
    drillCron: "@weekly",
  };
  expect(await execute(update, { id, input })).toMatchObject({
    updateSchedule: {
      ...{
        id,
        cron: "0 4 * * *",
        timeZone: "Europe/Berlin",
        enabled: false,
        nextRunAt: null,
        nextDrillAt: null,
      },
      ...{ recipients: [recipient], retention: { keepLast: 3, keepDaily: null }, drillCron: "@weekly" },
      ...{ selection: { entities: null, groups: ["AUTH"], include: null } },
    },
  });
  expect(await execute("mutation ($id: ID!) { deleteSchedule(id: $id) }", { id })).toEqual({
    deleteSchedule: true,
  });
  expect(codeOf(await send("mutation ($id: ID!) { deleteSchedule(id: $id) }", { id }))).toBe("NOT_FOUND");
  expect(await execute("{ schedules { id } }")).toEqual({ schedules: [] });
});

it.each([
  ["cron", { cron: "at dawn" }],
  ["cron", { cron: "0 0 30 2 *" }],
  ["timeZone", { timeZone: "Middle-earth/Shire" }],
  ["drillCron", { drillCron: "sometimes" }],
])("a bad %s is refused by its name, as %j", async (field, change) => {
  const query = "mutation ($input: ScheduleInput!) { createSchedule(input: $input) { id } }";
  const answer = await send(query, { input: { name: "n", cron: "@daily", ...change } });
  expect(codeOf(answer)).toBe("BAD_INPUT");
  expect(answer.errors?.[0]?.message).toContain(`\`${field}\``);
});

it("a schedule that is triggered has its backup, which has its schedule, and is found by it", async () => {
  const { id } = await create({ name: "n", cron: "@daily", entities: ["USERS"] });
  const trigger = "mutation ($id: ID!) { triggerSchedule(id: $id) { id status schedule { name } } }";
  const { triggerSchedule } = await execute(trigger, { id });
  expect(triggerSchedule).toMatchObject({ status: "QUEUED", schedule: { name: "n" } });
  expect(codeOf(await send(trigger, { id }))).toBe("SCHEDULE_BUSY");
  const { schedules } = await execute("{ schedules { lastBackup { id status schedule { name } } } }");
  expect(schedules).toEqual([{ lastBackup: triggerSchedule }]);
  await finishedBackup(server.world.ledger, ["USERS"]);
  const query =
    "query ($id: ID!) { backups(filter: { scheduleId: $id }) { totalCount edges { node { id } } } }";
  expect(await execute(query, { id })).toMatchObject({ backups: { totalCount: 1 } });
  expect(await execute(query, { id: "nightly" })).toMatchObject({ backups: { totalCount: 0 } });
});

it("pruning says what stays, what goes and why; what is gone is listed only when it is asked for", async () => {
  const { id } = await create({ name: "n", cron: "@daily", entities: ["USERS"] });
  const ids: string[] = [];
  for (const _ of [1, 2, 3]) {
    const { triggerSchedule: run } = await execute(
      "mutation ($id: ID!) { triggerSchedule(id: $id) { id } }",
      { id },
    );
    const runId = String(Object(run).id);
    await succeedBackup(server.world.ledger, await claim(server.world.ledger, runId), ["USERS"]);
    ids.unshift(runId);
  }
  const [newest, middle, oldest] = ids;
  expect(
    await execute("mutation ($id: ID!) { pinBackup(id: $id, pinned: true) { pinned } }", { id: oldest }),
  ).toEqual({
    pinBackup: { pinned: true },
  });
  const prune = `mutation ($input: PruneInput!) { pruneBackups(input: $input) {
    kept { backup { id } reasons } deleted { backup { id } reasons } } }`;
  const input = { scheduleId: id, retention: { keepLast: 1 } };
  const expected = {
    pruneBackups: {
      kept: [
        { backup: { id: newest }, reasons: ["last 1 of 1"] },
        { backup: { id: oldest }, reasons: ["pinned"] },
      ],
      deleted: [{ backup: { id: middle }, reasons: ["last: 1 newer stay"] }],
    },
  };
  const list =
    "query ($deleted: Boolean) { backups(filter: { deleted: $deleted }) { edges { node { id } } } }";
  const listed = async (deleted?: boolean) => JSON.stringify(await execute(list, { deleted }));
  expect(await execute(prune, { input: { ...input, dryRun: true } })).toEqual(expected);
  expect(await listed()).toContain(middle);
  expect(await execute(prune, { input })).toEqual(expected);
  expect(await listed()).not.toContain(middle);
  expect(await listed(true)).toContain(middle);
  const shown = await execute(
    `{ backup(id: "${middle}") { status deletedBy deletionRequestedAt deletedAt downloadUrl contents { table } } }`,
  );
  expect(shown).toMatchObject({
    backup: {
      ...{ status: "SUCCEEDED", deletedBy: account.username, deletedAt: null, downloadUrl: null },
      deletionRequestedAt: expect.any(String),
      contents: [{ table: "platform.users" }],
    },
  });
  const restore = `mutation { startRestore(input: { backupId: "${middle}" }) { id } }`;
  expect(codeOf(await send(restore))).toBe("BACKUP_DELETED");
  expect(codeOf(await send(prune, { input: { retention: { keepDaily: 0 } } }))).toBe("BAD_INPUT");
});
