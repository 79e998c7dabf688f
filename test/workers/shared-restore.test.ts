// Restores that several worker processes share, and what becomes of them when one of these dies, sleeps or is cancelled.
import { truncate } from "node:fs/promises";
import { hostname } from "node:os";
import path from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { generateIdentity } from "../../src/codec/age.ts";
import { deriveKey, sealSecret } from "../../src/codec/seal.ts";
import { createRun, findRun, requestCancel } from "../../src/ledger/runs.ts";
import { backupRun, restoreRun } from "../ledger/runs-fixture.ts";
import { createDatabase } from "../support/postgres.ts";
import { PATIENCE_MS, type WorkerProcess } from "./process-fixture.ts";
import { createSharedSite, type SharedSite } from "./sharing-site.ts";
import { SECRET } from "./sharing-tables.ts";

const TIMEOUT = { timeout: 2 * PATIENCE_MS };
const nameOf = ({ child }: WorkerProcess): string => `${hostname()}/${child.pid}`;

interface RestoreSite extends SharedSite {
  /** The worker that has made the backup, and that restores it unless somebody else is quicker. */
  readonly first: WorkerProcess;
  /** Every row of the tables, as one hash, before they were damaged. */
  readonly pristine: string;
  rows(): Promise<string>;
  /** Begins to restore: whoever takes the run up, and the others, wait with parts until they are released. */
  submitRestore(change?: { dryRun: boolean }): Promise<string>;
  /** What nobody may leave: staging, sessions of restores, pieces in work, secrets. */
  leftBehind(runId: string): Promise<unknown>;
}

const NOTHING = { schemas: 0, sessions: 0, pieces: 0, secrets: 0 };

/** An encrypted backup of tables that are damaged by now. */
async function createRestoreSite(): Promise<RestoreSite> {
  const site = await createSharedSite();
  const { ledger, queue } = site;
  const { sql } = ledger;
  const { identity, recipient } = await generateIdentity();
  const rows = async () => {
    const [found] = await sql<{ hash: string }[]>`
      select md5((select string_agg(e::text, ',' order by id) from public.events e) || '/' ||
        (select string_agg(k::text, ',' order by id) from public.kinds k)) as hash`;
    return found?.hash ?? "";
  };
  const pristine = await rows();
  const first = await site.startWorker();
  const made = backupRun({ entities: ["EVENTS"] });
  if (made.kind !== "BACKUP") expect.fail();
  const request = { ...made.request, encryption: "RECIPIENTS" as const, recipients: [recipient] };
  await createRun(ledger, { ...made, request });
  await queue.enqueue("BACKUP", made.id);
  expect((await site.follow(made.id)).at(-1)).toMatchObject({ status: "SUCCEEDED" });
  await sql`delete from public.events where id % 2 = 0`;
  await sql`update public.events set details = 'changed' where id % 3 = 0`;
  await sql`insert into public.events select n, 1, 'later' from generate_series(9001, 9010) n`;
  return {
    ...site,
    first,
    pristine,
    rows,
    async submitRestore({ dryRun } = { dryRun: false }) {
      await site.hold();
      const run = restoreRun(made.id);
      if (run.kind !== "RESTORE") expect.fail();
      await createRun(ledger, {
        ...{ ...run, entities: ["EVENTS"], request: { ...run.request, mode: "REPLACE", dryRun } },
        sealedSecret: sealSecret(deriveKey(SECRET, "run secrets"), run.id, identity),
      });
      await queue.enqueue("RESTORE", run.id);
      return run.id;
    },
    async leftBehind(runId) {
      const [found] = await sql`
        select (select count(*) from pg_namespace where nspname like 'holdfast_restore_%')::int as schemas,
          (select count(*) from pg_stat_activity where application_name = 'holdfast restore'
            and datname = current_database())::int as sessions,
          (select count(*) from holdfast.pieces p join holdfast.runs r on r.id = p.run_id and r.attempt = p.attempt
            where r.id = ${runId} and p.status in ('OPEN', 'TAKEN'))::int as pieces,
          (select count(sealed_secret) + count(peer_secret) from holdfast.runs)::int as secrets`;
      return found;
    },
  };
}

const CHANGES = [
  { entity: "EVENTS", table: "public.events", inserted: 2000, updated: 667, deleted: 10, unchanged: 1333 },
  { entity: "EVENTS", table: "public.kinds", inserted: 0, updated: 0, deleted: 0, unchanged: 10 },
];

it(
  "shares a restore, and its preview, among three processes: the rows are those of the backup",
  TIMEOUT,
  async () => {
    const site = await createRestoreSite();
    const others = await Promise.all([site.startWorker(), site.startWorker()]);
    const names = [site.first, ...others].map(nameOf);
    for (const dryRun of [true, false]) {
      const id = await site.submitRestore({ dryRun });
      await site.untilTaken(id, 2);
      const [secret] = await site.ledger.sql<{ sealed: string; offered: string }[]>`
      select peer_secret as sealed, (select string_agg(p::text, '') from holdfast.pieces p where p.run_id = r.id) as offered
      from holdfast.runs r where id = ${id}`;
      expect(secret?.sealed).toMatch(/^v1\./);
      expect(`${secret?.sealed}${secret?.offered}`).not.toMatch(/AGE-SECRET-KEY/i);
      await site.release();
      const run = (await site.follow(id)).at(-1);
      expect(run).toMatchObject({ status: "SUCCEEDED", attempt: 1, outcome: { changes: CHANGES } });
      expect(run?.progress).toMatchObject({ percent: 100 });

      const done = Object.keys(await site.pieces(id, "DONE"));
      expect(done).toHaveLength(2);
      expect(done.filter((name) => !names.includes(name))).toEqual([]);
      expect((await site.rows()) === site.pristine).toBe(!dryRun);
      await expect.poll(() => site.leftBehind(id), { timeout: PATIENCE_MS }).toEqual(NOTHING);
    }
  },
);

it("loses with a worker that is killed its piece, and not the restore", TIMEOUT, async () => {
  const site = await createRestoreSite();
  const id = await site.submitRestore();
  await site.first.logged("run taken up", id);
  const helping = await site.startWorker();
  await site.untilTaken(id);
  helping.child.kill("SIGKILL");
  await helping.exited;
  await site.release();
  expect((await site.follow(id)).at(-1)).toMatchObject({
    ...{ status: "SUCCEEDED", attempt: 1, failedAttempts: 0, outcome: { changes: CHANGES } },
  });
  expect(await site.pieces(id, "RETURNED")).toEqual({ [nameOf(helping)]: 1 });
  expect(await site.rows()).toBe(site.pristine);
  await expect.poll(() => site.leftBehind(id), { timeout: PATIENCE_MS }).toEqual(NOTHING);
});

it("lets nobody load a piece that was given to another since", TIMEOUT, async () => {
  const site = await createRestoreSite();
  const id = await site.submitRestore();
  await site.first.logged("run taken up", id);
  const sleeping = await site.startWorker();
  await site.untilTaken(id);
  // It is in the midst of its transaction when it falls asleep.
  const loading = () => site.ledger.sql`select from pg_locks l join pg_stat_activity a using (pid)
    where a.application_name = 'holdfast restore' and a.datname = current_database()
      and l.locktype = 'advisory' and l.mode = 'ExclusiveLock'`;
  await expect.poll(loading, { timeout: PATIENCE_MS }).toHaveLength(1);
  sleeping.child.kill("SIGSTOP");
  await site.first.logged("a piece has come back", id);
  await site.release();
  // The coordinator has what it had begun itself by now, and the piece: its session is ended with its rows.
  await expect.poll(loading, { timeout: PATIENCE_MS }).toHaveLength(0);
  sleeping.child.kill("SIGCONT");
  expect((await site.follow(id)).at(-1)).toMatchObject({
    ...{ status: "SUCCEEDED", attempt: 1, outcome: { changes: CHANGES } },
  });
  await sleeping.logged("the piece is given back", id);
  expect(await site.rows()).toBe(site.pristine);
  await expect.poll(() => site.leftBehind(id), { timeout: PATIENCE_MS }).toEqual(NOTHING);
});

it("begins again when its coordinator is killed", TIMEOUT, async () => {
  const site = await createRestoreSite();
  const id = await site.submitRestore();
  await site.first.logged("run taken up", id);
  const second = await site.startWorker();
  await site.untilTaken(id);
  site.first.child.kill("SIGKILL");
  await second.logged("the piece is given back", id);
  await site.release();
  expect((await site.follow(id)).at(-1)).toMatchObject({
    ...{ status: "SUCCEEDED", attempt: 2, outcome: { changes: CHANGES } },
  });
  expect(await site.rows()).toBe(site.pristine);
  await expect.poll(() => site.leftBehind(id), { timeout: PATIENCE_MS }).toEqual(NOTHING);
});

it("stops everywhere when it is cancelled or fails, and leaves nothing", TIMEOUT, async () => {
  const site = await createRestoreSite();
  const damaged = await site.rows();
  const second = await site.startWorker();
  const cancelled = await site.submitRestore();
  await site.untilTaken(cancelled);
  await requestCancel(site.ledger, cancelled);
  expect((await site.follow(cancelled)).at(-1)).toMatchObject({ status: "CANCELLED" });
  const helper =
    (await site.pieces(cancelled, "RETURNED"))[nameOf(second)] === undefined ? site.first : second;
  await helper.logged("the piece is given back", cancelled);
  await expect.poll(() => site.leftBehind(cancelled), { timeout: PATIENCE_MS }).toEqual(NOTHING);

  const failed = await site.submitRestore();
  await site.untilTaken(failed);
  const part = (await site.stored()).find((key) => key.includes("/parts/")) ?? expect.fail();
  await truncate(path.join(site.directory, part), 100);
  await site.release();
  expect((await site.follow(failed)).at(-1)).toMatchObject({ status: "FAILED" });
  expect((await findRun(site.ledger, failed))?.errorCode).toMatch(/^ARTIFACT_/);
  await expect.poll(() => site.leftBehind(failed), { timeout: PATIENCE_MS }).toEqual(NOTHING);
  expect(await site.rows()).toBe(damaged);
});

it("is given a piece back by who has another database of that name", TIMEOUT, async () => {
  const site = await createRestoreSite();
  const other = await createDatabase();
  onTestFinished(() => other.drop());
  const id = await site.submitRestore();
  await site.first.logged("run taken up", id);
  const elsewhere = await site.startWorker(4, other.url);
  await elsewhere.logged("the piece is given back", id);
  await site.release();
  expect((await site.follow(id)).at(-1)).toMatchObject({ status: "SUCCEEDED", attempt: 1 });
  const [returned] = await site.ledger.sql<{ reason: string }[]>`
    select reason from holdfast.pieces where run_id = ${id} and status = 'RETURNED' limit 1`;
  expect(returned?.reason).toMatch(/^SUPERSEDED: .* is another one here/);
  expect(await site.pieces(id, "DONE")).toEqual({});
  expect(await site.rows()).toBe(site.pristine);
});
