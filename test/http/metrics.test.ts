// What Prometheus is told, and who may ask.
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createMetrics } from "../../src/http/metrics/metrics.ts";
import { startMetricsServer } from "../../src/http/metrics/server.ts";
import { finishRun } from "../../src/ledger/attempts.ts";
import { openLedger } from "../../src/ledger/connect.ts";
import { recordForeignArtifact } from "../../src/ledger/kept.ts";
import { createRun, type RunRequest } from "../../src/ledger/runs.ts";
import { promtool } from "../support/promtool.ts";
import { haveTools } from "../support/stock-tools.ts";
import {
  claim,
  finishedBackup,
  queuedBackup,
  queuedRestore,
  succeedBackup,
  succeedRestore,
} from "./runs-driver.ts";
import { startTestServer, type TestServer } from "./server-fixture.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server[Symbol.asyncDispose]());

const scrape = async (authorization?: string): Promise<Response> =>
  fetch(`${server.url}/metrics`, { headers: authorization === undefined ? {} : { authorization } });

async function scraped(): Promise<string> {
  const { authorization } = await server.accountWith("MANAGE_BACKUPS");
  return (await scrape(authorization)).text();
}

/** By name and labels; comments left out. */
function parse(text: string): ReadonlyMap<string, number> {
  return new Map(
    text.split("\n").flatMap((line) => {
      const [, name = "", value] = /^(\w+(?:\{.*\})?) (\S+)$/.exec(line) ?? [];
      return value === undefined ? [] : [[name, Number(value.replace("+Inf", "Infinity"))] as const];
    }),
  );
}

/** As a server that has only just started tells it. */
const metrics = async (): Promise<ReadonlyMap<string, number>> => parse(await createMetrics(server.deps)());

async function addSchedules(...names: string[]): Promise<string[]> {
  const ids: string[] = [];
  for (const name of names) {
    const [row] = await server.world.ledger.sql<{ id: string }[]>`
      insert into holdfast.schedules (name, cron, time_zone, selection, recipients, stores, enabled, created_at, updated_at)
      values (${name}, '30 2 * * *', 'UTC', '{}', '{}', '{local}', true, now() - interval '3 days', now() - interval '3 days')
      returning id`;
    ids.push(row?.id ?? "");
  }
  return ids;
}

/** A run of a schedule, as its tick starts it. */
async function startOf(scheduleId: string, request: RunRequest): Promise<string> {
  const base = { entities: ["USERS"], requestedById: null, requestedBy: null, scheduleId };
  return (await createRun(server.world.ledger, { ...base, id: randomUUID(), ...request })).run.id;
}

const backupOf = (scheduleId: string) =>
  startOf(scheduleId, {
    kind: "BACKUP",
    request: { label: null, encryption: "NONE", recipients: [], stores: ["local"] },
  });
const drillOf = (scheduleId: string, backupId: string) =>
  startOf(scheduleId, { kind: "VERIFICATION", request: { backupId, level: "DRILL", unattended: true } });

const FAILURE = { code: "DRILL_FAILED", message: "no", hint: "none" } as const;

describe("GET /metrics", () => {
  it("takes a token of somebody who may manage backups, and no other", async () => {
    const none = await scrape();
    expect([none.status, none.headers.get("www-authenticate")]).toEqual([401, "Bearer"]);
    expect((await scrape("Bearer nonsense")).status).toBe(401);
    const nobody = await server.accountWith("READ_ACLS");
    const refused = await scrape(nobody.authorization);
    expect([refused.status, await refused.json()]).toMatchObject([
      403,
      { error: { code: "FORBIDDEN", details: { missing: ["MANAGE_BACKUPS"] } } },
    ]);
    const somebody = await server.accountWith("MANAGE_BACKUPS");
    const answer = await scrape(somebody.authorization);
    expect([answer.status, answer.headers.get("content-type")]).toEqual([
      200,
      "text/plain; version=0.0.4; charset=utf-8",
    ]);
  });

  it("tells on a port of its own, without a token, and nothing else there", async () => {
    const own = await startMetricsServer(server.deps, { host: "127.0.0.1", port: 0 });
    try {
      const answer = await fetch(own.url);
      expect(await answer.text()).toContain("# TYPE holdfast_runs_total counter");
      expect(answer.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
      expect((await fetch(new URL("/graphql", own.url))).status).toBe(404);
      const { port } = new URL(own.url);
      await expect(
        startMetricsServer(server.deps, { host: "127.0.0.1", port: Number(port) }),
      ).rejects.toMatchObject({
        code: "ADDRESS_UNAVAILABLE",
        hint: expect.stringContaining("--metrics-port"),
      });
    } finally {
      await own.close();
    }
  });

  it.skipIf(!haveTools("promtool"))("passes promtool check metrics, with nothing to remark", async () => {
    await addSchedules("checked");
    expect(promtool(["check", "metrics"], await scraped())).toEqual({ code: 0, said: "" });
  });
});

describe("the ledger's figures", () => {
  beforeEach(async () => {
    await server.world.ledger.sql`truncate holdfast.schedules, holdfast.runs, holdfast.alarms cascade`;
  });

  it("begin at zero, so that the first failure is an increase", async () => {
    const found = await metrics();
    expect(found.get('holdfast_runs_total{kind="backup",status="failed"}')).toBe(0);
    expect(found.get('holdfast_verifications_total{level="drill",status="failed"}')).toBe(0);
    expect(found.get('holdfast_alarms{event="overdue"}')).toBe(0);
    expect(found.get("holdfast_backup_size_bytes_count")).toBe(0);
    expect(found.get('holdfast_oldest_run_age_seconds{status="queued"}')).toBe(0);
    expect(found.get("holdfast_queue_up")).toBe(1);
    expect(found.get("process_resident_memory_bytes")).toBeGreaterThan(0);
    expect([...found.keys()].some((name) => name.startsWith("holdfast_build_info{version="))).toBe(true);
  });

  it("count each run once, whenever it ended, whoever asks, and however often", async () => {
    const { ledger } = server.world;
    const old = await finishedBackup(ledger, ["USERS", "ROLES"]);
    const [lagging, quick] = await Promise.all([
      finishedBackup(ledger, ["USERS"]),
      finishedBackup(ledger, ["USERS"]),
    ]);
    const ended = async (id: string, ago: string, took: string) =>
      ledger.sql`update holdfast.runs set finished_at = now() - ${ago}::interval,
        started_at = now() - ${ago}::interval - ${took}::interval where id = ${id}`;
    await ended(old, "40 days", "2 hours");
    await ended(lagging, "16 minutes", "10 seconds");
    await ended(quick, "1 second", "10 seconds");
    await queuedBackup(ledger, ["USERS"]);

    const [one, other] = [createMetrics(server.deps), createMetrics(server.deps)];
    for (const text of [await one(), await one(), await other(), await other()]) {
      const found = parse(text);
      expect(found.get('holdfast_runs_total{kind="backup",status="succeeded"}')).toBe(3);
      expect(found.get('holdfast_run_duration_seconds_bucket{le="5",kind="backup",status="succeeded"}')).toBe(
        0,
      );
      expect(
        found.get('holdfast_run_duration_seconds_bucket{le="15",kind="backup",status="succeeded"}'),
      ).toBe(2);
      expect(
        found.get('holdfast_run_duration_seconds_bucket{le="+Inf",kind="backup",status="succeeded"}'),
      ).toBe(3);
      expect(found.get('holdfast_run_duration_seconds_sum{kind="backup",status="succeeded"}')).toBe(7220);
      expect(found.get("holdfast_backup_size_bytes_count")).toBe(3);
      expect(found.get("holdfast_backup_size_bytes_sum")).toBe(1600);
      expect(found.get("holdfast_backup_rows_total")).toBe(40);
      expect(found.get("holdfast_backup_raw_bytes_total")).toBe(4000);
      expect(found.get('holdfast_runs_unfinished{kind="backup",status="queued"}')).toBe(1);
    }
    // Committed late, with the time of its transaction's beginning; and one that has just ended.
    await ended(await finishedBackup(ledger, ["USERS"]), "10 minutes", "10 seconds");
    await finishRun(ledger, await claim(ledger, await queuedBackup(ledger, ["USERS"])), {
      status: "FAILED",
      failure: FAILURE,
    });
    for (const text of [await one(), await other(), await createMetrics(server.deps)()]) {
      const found = parse(text);
      expect(found.get('holdfast_runs_total{kind="backup",status="succeeded"}')).toBe(4);
      expect(found.get('holdfast_runs_total{kind="backup",status="failed"}')).toBe(1);
      expect(found.get("holdfast_backup_rows_total")).toBe(50);
    }
  });

  it("tell restores from previews, and backups from what was imported", async () => {
    const { ledger } = server.world;
    const backup = await finishedBackup(ledger, ["USERS"]);
    const changes = [
      { entity: "USERS", table: "platform.users", inserted: 3, updated: 2, unchanged: 9, deleted: 1 },
      { entity: "USERS", table: "platform.user_roles", inserted: 4, updated: 0, unchanged: 0, deleted: 0 },
    ];
    await succeedRestore(
      ledger,
      await claim(ledger, await queuedRestore(ledger, backup, ["USERS"])),
      changes,
    );
    const preview = await queuedRestore(ledger, backup, ["USERS"], { dryRun: true });
    await succeedRestore(ledger, await claim(ledger, preview), changes);
    await recordForeignArtifact(ledger, {
      ...{ id: randomUUID(), createdAt: new Date(), encryption: "NONE", sizeBytes: 5e9, stores: ["local"] },
      ...{ entities: ["USERS"], contents: [], origin: "IMPORTED", requestedBy: null },
      ...{ manifestSha256: "0".repeat(64), signedBy: null },
    });
    const found = await metrics();
    expect(found.get('holdfast_runs_total{kind="backup",status="succeeded"}')).toBe(1);
    expect(found.get('holdfast_runs_total{kind="restore",status="succeeded"}')).toBe(1);
    expect(found.get('holdfast_runs_total{kind="preview",status="succeeded"}')).toBe(1);
    expect(found.get("holdfast_backup_size_bytes_sum")).toBe(400);
    const restored = ["inserted", "updated", "deleted"].map((change) =>
      found.get(`holdfast_restored_rows_total{change="${change}"}`),
    );
    expect(restored).toEqual([7, 2, 1]);
  });

  it("tell of each enabled schedule its last good backup, whether it is overdue, and its last drill", async () => {
    const { ledger } = server.world;
    const [nightly = "", empty = "", late = "", off = ""] = await addSchedules(
      "nightly",
      'new "one"\\',
      "late",
      "off",
    );
    await ledger.sql`update holdfast.schedules set enabled = false where id = ${off}`;
    await ledger.sql`update holdfast.schedules set created_at = now(), updated_at = now() where id = ${empty}`;
    const backup = await backupOf(nightly);
    await succeedBackup(ledger, await claim(ledger, backup), ["USERS"]);
    // What came after it is not good.
    await finishRun(ledger, await claim(ledger, await backupOf(nightly)), {
      status: "FAILED",
      failure: FAILURE,
    });
    const deleted = await backupOf(late);
    await succeedBackup(ledger, await claim(ledger, deleted), ["USERS"]);
    await ledger.sql`update holdfast.artifacts set deletion_requested_at = now() where run_id = ${deleted}`;
    const passed = await drillOf(nightly, backup);
    await finishRun(ledger, await claim(ledger, passed), {
      status: "SUCCEEDED",
      outcome: { level: "STORED", note: "no identity", stores: [], tables: [] },
    });
    let found = await metrics();
    expect(found.get('holdfast_schedule_backup_age_seconds{schedule="nightly"}')).toBeLessThan(600);
    expect(found.get('holdfast_schedule_backup_age_seconds{schedule="new \\"one\\"\\\\"}')).toBe(Infinity);
    expect(found.get('holdfast_schedule_backup_age_seconds{schedule="late"}')).toBe(Infinity);
    expect(found.has('holdfast_schedule_backup_age_seconds{schedule="off"}')).toBe(false);
    const overdue = ["nightly", 'new \\"one\\"\\\\', "late"].map((name) =>
      found.get(`holdfast_schedule_overdue{schedule="${name}"}`),
    );
    expect(overdue).toEqual([0, 0, 1]);
    // A drill that nobody could unlock the backup for is none.
    expect(found.get('holdfast_schedule_drill_success{schedule="nightly",level="stored"}')).toBe(1);
    expect(found.get('holdfast_verifications_total{level="stored",status="succeeded"}')).toBe(1);
    expect(found.has('holdfast_schedule_drill_age_seconds{schedule="late"}')).toBe(false);

    await finishRun(ledger, await claim(ledger, await drillOf(nightly, backup)), {
      ...{ status: "FAILED", failure: FAILURE },
      outcome: { level: "DRILL", note: null, stores: [], tables: [] },
    });
    found = await metrics();
    expect(found.get('holdfast_schedule_drill_success{schedule="nightly",level="drill"}')).toBe(0);
    expect(found.has('holdfast_schedule_drill_success{schedule="nightly",level="stored"}')).toBe(false);
    expect(found.get('holdfast_verifications_total{level="drill",status="failed"}')).toBe(1);
  });

  it("go on without the queue, and say so", async () => {
    const queue = {
      ...server.queue,
      counts: async () => {
        throw new Error("no queue");
      },
    };
    const text = await createMetrics({ ...server.deps, queue })();
    const found = parse(text);
    expect(found.get("holdfast_queue_up")).toBe(0);
    expect(text).not.toContain("holdfast_queue_jobs{");
    expect((await metrics()).get('holdfast_queue_jobs{state="waiting"}')).toBe(0);
  });

  it("are read with no scan of the history once it was added up", async () => {
    const { ledger } = server.world;
    await ledger.sql`
      insert into holdfast.runs (kind, status, entities, request, progress, started_at, finished_at, considered_at)
      select 'BACKUP', 'SUCCEEDED', '{USERS}', '{}', '{}', at - interval '20 seconds', at, at
      from generate_series(now() - interval '30 days', now() - interval '1 day', interval '5 minutes') at`;
    await ledger.sql`analyze holdfast.runs`;
    // What a connection has read is known once it says so: this one does.
    const alone = openLedger(server.world.url, { maxConnections: 1 });
    const read = createMetrics({ ...server.deps, ledger: alone });
    const tuplesRead = async () => {
      await alone.sql`select pg_stat_force_next_flush()`;
      const [row] = await ledger.sql<{ tuples: string }[]>`
        select seq_tup_read + coalesce(idx_tup_fetch, 0) as tuples from pg_stat_user_tables
        where schemaname = 'holdfast' and relname = 'runs'`;
      return Number(row?.tuples);
    };
    try {
      await read();
      const before = await tuplesRead();
      expect(before).toBeGreaterThan(8000);
      expect(await read()).toContain('holdfast_runs_total{kind="backup",status="succeeded"} 8353\n');
      expect((await tuplesRead()) - before).toBeLessThan(100);
    } finally {
      await alone.close();
    }
  });
});
