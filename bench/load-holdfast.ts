// A Holdfast for loads from outside: server and worker in one process, with a database of its own on the bench's server.
import { once } from "node:events";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import postgres from "postgres";
import { cpuSecondsOf, forkAsWorker, nextMessage, peakBytesOf } from "./child.ts";
import { signIn } from "./client.ts";
import type { BenchContext } from "./context.ts";
import type { ServerOrder } from "./load-server-process.ts";

export interface Holdfast extends AsyncDisposable {
  readonly url: string;
  readonly authorization: string;
  /** Its own, on the bench's server. */
  readonly database: string;
  /** Of that. */
  readonly sql: postgres.Sql;
  /** @returns the run's id */
  startBackup(entities: readonly string[]): Promise<string>;
  cancel(runId: string): Promise<void>;
  /** Once every run has ended. */
  settled(): Promise<void>;
  /** Resident, at most, since it was last asked. */
  peakBytes(): Promise<number>;
  cpuSeconds(): Promise<number>;
}

const DATABASE = "holdfast_load";

/** The caller disposes of it. */
export async function startHoldfast({ server, directory: parent, key }: BenchContext): Promise<Holdfast> {
  await using opened = new AsyncDisposableStack();
  const directory = path.join(parent, "load");
  const adminPassword = "a password of the bench";
  const bench = postgres(server.url, { max: 1, onnotice: () => undefined });
  opened.defer(() => bench.end());
  await bench.unsafe(`create database ${DATABASE}`);
  opened.defer(async () => void (await bench.unsafe(`drop database ${DATABASE} with (force)`)));
  const ownUrl = new URL(server.url);
  ownUrl.pathname = `/${DATABASE}`;
  const child = forkAsWorker("load-server-process.ts");
  opened.defer(async () => {
    if (child.exitCode !== null) return;
    child.disconnect();
    await once(child, "exit");
  });
  child.send({ benchUrl: server.url, ownUrl: ownUrl.href, directory, adminPassword } satisfies ServerOrder);
  const url = await nextMessage<string>(child);
  const sql = postgres(ownUrl.href, { max: 2, onnotice: () => undefined });
  opened.defer(() => sql.end());
  await noteChanges(sql);
  const { authorization, ask } = await signIn(url, adminPassword);
  const closing = opened.move();
  return {
    ...{ url, authorization, database: DATABASE, sql },
    async startBackup(entities) {
      const input = { entities, encryption: { recipients: [key.recipient] } };
      const { startBackup } = await ask<{ startBackup: { id: string } }>(
        "mutation ($input: StartBackupInput!) { startBackup(input: $input) { id status } }",
        { input },
      );
      return startBackup.id;
    },
    async cancel(id) {
      await ask("mutation ($id: ID!) { cancelRun(id: $id) { id } }", { id }).catch((error: unknown) => {
        if (!String(error).includes("ALREADY_FINISHED")) throw error;
      });
    },
    async settled() {
      for (;;) {
        const [row] = await sql`select count(*)::int as open from holdfast.runs where finished_at is null`;
        if (row?.["open"] === 0) return;
        await sleep(100);
      }
    },
    peakBytes: () => peakBytesOf(child),
    cpuSeconds: () => cpuSecondsOf(child),
    [Symbol.asyncDispose]: () => closing.disposeAsync(),
  };
}

/**
 * Has the ledger write down when each row of a run is written, and put the same time into the row where subscribers see it, in
 * the place of `rowsPerSecond`. So a subscriber's answer tells how old it is, by the clock of this machine.
 */
async function noteChanges(sql: postgres.Sql): Promise<void> {
  await sql.unsafe(`
    create table public.run_changes (run_id uuid not null, written_ms float8 not null);
    create function public.note_run_change() returns trigger language plpgsql as $$
    declare now_ms float8 := extract(epoch from clock_timestamp()) * 1000;
    begin
      if new.revision = old.revision then return new; end if;
      new.progress := jsonb_set(new.progress, '{rowsPerSecond}', to_jsonb(now_ms));
      insert into public.run_changes values (new.id, now_ms);
      return new;
    end $$;
    create trigger note_run_change before update on holdfast.runs for each row execute function public.note_run_change();
    alter table holdfast.runs disable trigger note_run_change`);
}
