// What people were told, over the API: whether it arrived, once more, and on trial. It goes to a real HTTP server.
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import { pino } from "pino";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import type { Notice } from "../../src/core/notice.ts";
import type { NotifyDeclaration } from "../../src/core/notify-declaration.ts";
import { insertDeliveries } from "../../src/ledger/deliveries.ts";
import { openQueue, type RunQueue } from "../../src/queue/queue.ts";
import { createWorld } from "../auth/world.ts";
import { deliveryHandler } from "../../workers/delivery.ts";
import { newNamespace, redisUrl } from "../queue/queue-fixture.ts";
import { finishedBackup } from "./runs-driver.ts";
import { ask, codeOf, startTestServer, type Account, type TestServer } from "./server-fixture.ts";

interface Delivery {
  readonly id: string;
  readonly status: string;
  readonly attempts: number;
  readonly error: string | null;
}

interface Page {
  readonly deliveries: {
    readonly edges: readonly { readonly node: Delivery }[];
    readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
  };
}

const PATIENCE = { timeout: 30_000, interval: 100 };
const opened = new AsyncDisposableStack();
let server: TestServer;
let queue: RunQueue;
let receiver: Server;
let manager: Account;
let answers: number[] = [];
let received: { readonly id: unknown; readonly authorization: unknown; readonly body: unknown }[] = [];
beforeAll(async () => {
  receiver = createServer((request, response) => {
    void json(request).then((body) => {
      const { "webhook-id": id, authorization } = request.headers;
      received.push({ id, authorization, body });
      response.writeHead(answers.shift() ?? 204).end("busy");
    });
  });
  receiver.listen(0, "127.0.0.1");
  await once(receiver, "listening");
  opened.defer(() => void receiver.close());
  const { port } = receiver.address() as AddressInfo;
  const url = `http://me:s%40fe@127.0.0.1:${port}/hook`;
  const notify: NotifyDeclaration[] = [
    { kind: "webhook", name: "hook", url, secret: undefined, on: ["failed", "drill-failed"] },
  ];
  const log = pino({ level: "silent" });
  const world = opened.use(await createWorld());
  // Nothing is tried again by itself while the tests run.
  queue = await openQueue({
    ...{ redisUrl, databaseUrl: world.url, namespace: newNamespace(), log, retryDelayMs: 3_600_000 },
  });
  opened.defer(() => queue.close());
  server = opened.use(await startTestServer({ queue }));
  const worker = await queue.deliveries.startWorker(
    deliveryHandler({ ledger: server.world.ledger, notify, log }),
  );
  opened.defer(() => worker.close());
  manager = await server.accountWith("MANAGE_BACKUPS", "READ_ACLS");
});
afterAll(() => opened.disposeAsync());
beforeEach(async () => {
  await server.world.ledger.sql`truncate holdfast.deliveries`;
  [answers, received] = [[], []];
});

const FIELDS = "id event target title status attempts error runId";
async function execute<T>(query: string, account = manager): Promise<T> {
  const { data, errors } = await ask<T>(server.url, query, account);
  expect(errors).toBeUndefined();
  return data ?? expect.fail("there is no answer");
}
const find = async (id: string) =>
  (await execute<{ delivery: Delivery | null }>(`{ delivery(id: "${id}") { ${FIELDS} } }`)).delivery;
const list = async (filter = "{}", account = manager) =>
  (
    await execute<{ deliveries: { edges: { node: Delivery }[]; totalCount: number } }>(
      `{ deliveries(filter: ${filter}) { edges { node { ${FIELDS} } } totalCount } }`,
      account,
    )
  ).deliveries;

async function written(change: Partial<Notice> = {}, target = "hook"): Promise<string> {
  const notice: Notice = {
    ...{ event: "failed", at: new Date().toISOString(), title: "A backup failed", text: "" },
    ...{ schedule: null, run: null, store: null },
    ...change,
  };
  const [id = ""] = await insertDeliveries(server.world.ledger.db, notice, [target]);
  return id;
}

it("a test notice is sent whatever the way is for, and says what became of it; the way's address is nobody's to see", async () => {
  expect(await execute("{ notifyTargets { name kind on } }")).toEqual({
    notifyTargets: [{ name: "hook", kind: "webhook", on: ["FAILED", "DRILL_FAILED"] }],
  });
  const { sendTestNotice: sent } = await execute<{ sendTestNotice: Delivery }>(
    `mutation { sendTestNotice(target: "hook") { ${FIELDS} } }`,
  );
  expect(sent).toMatchObject({ event: "TEST", target: "hook", runId: null });
  await expect
    .poll(() => find(sent.id), PATIENCE)
    .toMatchObject({ status: "DELIVERED", attempts: 1, error: null });
  expect(received).toMatchObject([{ id: sent.id, body: { type: "holdfast.test", data: { event: "test" } } }]);
  expect(received[0]?.authorization).toBe(`Basic ${Buffer.from("me:s@fe").toString("base64")}`);
  const unknown = await ask(server.url, 'mutation { sendTestNotice(target: "moon") { id } }', manager);
  expect(unknown.errors?.[0]).toMatchObject({ extensions: { code: "BAD_INPUT", hint: "There are hook." } });
  const audited = await server.world.ledger.sql`
    select actor, target from platform.audit_logs where action = 'delivery.tested'`;
  expect(audited).toEqual([{ actor: manager.username, target: `delivery:${sent.id}` }]);
});

it("a notice that was not taken is sent again at once, under its id, also while it waits for that, or was given up", async () => {
  answers = [503, 500, 204, 204];
  const id = await written();
  await queue.deliveries.enqueue(id);
  const error = (status: number) => `The webhook answered ${status}: busy`;
  await expect
    .poll(() => find(id), PATIENCE)
    .toMatchObject({ status: "PENDING", attempts: 1, error: error(503) });
  const redeliver = () => execute(`mutation { redeliver(id: "${id}") { id } }`);
  await redeliver();
  await expect
    .poll(() => find(id), PATIENCE)
    .toMatchObject({ status: "PENDING", attempts: 2, error: error(500) });
  await server.world.ledger.sql`update holdfast.deliveries set status = 'FAILED', finished_at = now()`;
  expect(await list("{ status: FAILED }")).toMatchObject({ totalCount: 1 });
  await redeliver();
  await expect
    .poll(() => find(id), PATIENCE)
    .toMatchObject({ status: "DELIVERED", attempts: 3, error: null });
  await redeliver();
  await expect.poll(() => find(id), PATIENCE).toMatchObject({ status: "DELIVERED", attempts: 4 });
  expect(received.map((one) => one.id)).toEqual([id, id, id, id]);
});

it("the list has filters and pages, and leaves out what is of runs and schedules that the caller may not see", async () => {
  const { ledger } = server.world;
  const ids = [await written(), await written({ event: "overdue" }), await written({}, "mail")];
  const runId = await finishedBackup(ledger, ["SPACES"]);
  const run = { id: runId, kind: "BACKUP", status: "SUCCEEDED", error: null };
  const hidden = await written({ run });
  const schedule = await server.accountWith("MANAGE_BACKUPS", "READ_SPACES");
  const input = '{ name: "spaces", cron: "0 2 * * *", entities: [SPACES] }';
  const { createSchedule } = await execute<{ createSchedule: { id: string } }>(
    `mutation { createSchedule(input: ${input}) { id } }`,
    schedule,
  );
  const overdue = await written({ event: "overdue", schedule: { ...createSchedule, name: "spaces" } });
  const idsOf = ({ edges }: Awaited<ReturnType<typeof list>>) => edges.map(({ node }) => node.id).toSorted();
  expect(idsOf(await list())).toEqual(ids.toSorted());
  expect(idsOf(await list("{}", schedule))).toEqual([...ids, hidden, overdue].toSorted());
  expect(idsOf(await list("{ event: OVERDUE }"))).toEqual([ids[1]]);
  expect(idsOf(await list('{ target: "mail" }'))).toEqual([ids[2]]);
  expect(idsOf(await list("{ status: DELIVERED }"))).toEqual([]);
  for (const id of [hidden, overdue, randomUUID(), "none"]) {
    expect(await find(id)).toBeNull();
    const refused = await ask(server.url, `mutation { redeliver(id: "${id}") { id } }`, manager);
    expect(codeOf(refused)).toBe("NOT_FOUND");
  }
  const gone = await ask(server.url, `mutation { redeliver(id: "${ids[2]}") { id } }`, manager);
  expect(codeOf(gone), "its way is configured no more").toBe("BAD_INPUT");

  const paged: string[] = [];
  let after: string | null = null;
  do {
    const query = `{ deliveries(first: 1, after: ${JSON.stringify(after)}) { edges { node { id } } pageInfo { hasNextPage endCursor } } }`;
    const page: Page = await execute<Page>(query);
    const { edges, pageInfo }: Page["deliveries"] = page.deliveries;
    paged.push(...edges.map(({ node }) => node.id));
    after = pageInfo.hasNextPage ? pageInfo.endCursor : null;
  } while (after !== null);
  expect(paged.toSorted()).toEqual(ids.toSorted());
});
