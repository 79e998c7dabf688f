// The main job from start to end, as a story in numbered steps: a server of its own, made-up data, a backup, a disaster,
// a preview, a restore, and the proof. Everything that a client does goes over HTTP, as any client's would.
import path from "node:path";
import postgres, { type Sql } from "postgres";
import { platformConfiguration } from "../../config/configuration.ts";
import type { Environment } from "../../config/environment.ts";
import { selectEntities } from "../../core/catalog.ts";
import { platformCatalog } from "../../core/platform-catalog.ts";
import { seedPlatform, type PlatformSizes } from "../../platform/seed.ts";
import { createLog } from "../../runtime/log.ts";
import { startStack, type Stack } from "../../runtime/stack.ts";
import { createGraphqlClient, type GraphqlClient } from "../client/graphql-client.ts";
import {
  BACKUP_PROGRESS,
  LOGIN,
  RESTORE_PROGRESS,
  START_BACKUP,
  START_RESTORE,
  type BackupInput,
  type RestoreInput,
  type RestoreState,
} from "../client/operations.ts";
import { followRun, watchRun } from "../client/watch-run.ts";
import { formatBytes, formatCount, formatDuration, formatQuantity } from "../terminal/format.ts";
import { createProgressView } from "../terminal/progress.ts";
import { renderTable } from "../terminal/table.ts";
import { DAMAGE, LATER_WORK, type Statement } from "./disaster.ts";
import { commandsByHand } from "./open-by-hand.ts";
import { createStory, type Story } from "./story.ts";
import { createWitness, fingerprintStatement, type Rows, type Witness } from "./witness.ts";

export interface DemoOptions {
  /** Of a stack for the demo alone. */
  readonly environment: Environment;
  readonly sizes: PlatformSizes;
  readonly output: NodeJS.WriteStream;
  readonly signal: AbortSignal;
}

const PASSPHRASE = "correct horse battery staple";
const SELECTION = { include: ["AUDIT_LOGS"] };
const TABLES = selectEntities(platformCatalog, SELECTION).flatMap((entity) => entity.tables);

/** What a step has to work with. */
interface Stage {
  readonly story: Story;
  readonly sql: Sql;
  readonly client: GraphqlClient;
  readonly output: NodeJS.WriteStream;
  readonly signal: AbortSignal;
}

/** @throws Error when what was backed up is not back, or what came later is lost */
export async function playDemo(options: DemoOptions): Promise<void> {
  const { environment, sizes, output } = options;
  const story = createStory(output);
  const startedAtMs = performance.now();

  story.step("A server: PostgreSQL, the queue, the API and a worker, in one process");
  const lost = new AbortController();
  const signal = AbortSignal.any([options.signal, lost.signal]);
  const log = createLog(environment.logLevel, path.join(environment.dataDir, "server.log"));
  const configuration = platformConfiguration(environment);
  const stack = await startStack(environment, {
    configuration,
    log,
    onLost: (error) => lost.abort(error),
  });
  const sql = postgres(stack.databaseUrl, { max: 1, onnotice: () => undefined });
  // What the database is busy with ends at once; what failed by that is answered by the signal's reason.
  signal.addEventListener("abort", () => void sql.end({ timeout: 0 }));
  try {
    signal.throwIfAborted();
    const [server] = await sql<{ version: string }[]>`SELECT current_setting('server_version') AS version`;
    story.say(`PostgreSQL ${server?.version} and the API at ${stack.url}/graphql`);
    story.say(`Everything is kept in ${stack.dataDir}`);
    await makeRows(story, sql, sizes);
    const client = await signIn(story, stack, signal);
    const stage = { story, sql, client, output, signal };
    const witness = createWitness(sql, TABLES);
    await witness.seeBackedUp();
    const backupId = await backUp(stage);
    await breakThings(stage);
    await witness.seeDamaged();
    const plan = await preview(stage, backupId);
    await restore(stage, backupId, plan);
    await prove(story, witness);
    await showByHand(story, sql, stack, backupId);
  } finally {
    await sql.end();
    await stack.close();
  }
  story.say(`\nAll of it took ${formatDuration(performance.now() - startedAtMs)}; nothing is left running.`);
}

async function makeRows(story: Story, sql: Sql, sizes: PlatformSizes): Promise<void> {
  const startedAtMs = performance.now();
  story.step("An application's tables, with made-up rows");
  await seedPlatform(sql, sizes);
  const [made] = await sql<{ bytes: number }[]>`
    SELECT sum(pg_total_relation_size(relid))::float8 AS bytes
    FROM pg_stat_user_tables WHERE schemaname = 'platform'`;
  const counts = [
    formatQuantity(sizes.logEntries, "log entry", "log entries"),
    formatQuantity(sizes.auditLogs, "audit record"),
    formatQuantity(sizes.users, "user"),
  ];
  const took = formatDuration(performance.now() - startedAtMs);
  story.say(counts.join(", "));
  story.say(`and all that belongs to them: ${formatBytes(made?.bytes ?? 0)} on disk (${took})`);
}

async function signIn(story: Story, stack: Stack, signal: AbortSignal): Promise<GraphqlClient> {
  story.step("Sign in over HTTP, as any client would");
  const { url: server, adminPassword: password } = stack;
  if (password === undefined) throw new Error("The demo's server is not new: it has made no password.");
  const anonymous = createGraphqlClient({ server, signal });
  story.request(LOGIN.document, { username: "admin", password });
  const { login } = await anonymous.execute(LOGIN, { username: "admin", password });
  story.say("a token, for the Authorization header of everything that follows");
  return createGraphqlClient({ server, token: login.token, signal });
}

/** @returns the backup's id */
async function backUp({ story, client, output, signal }: Stage): Promise<string> {
  story.step("Back up every entity, encrypted, and watch");
  const input: BackupInput = { ...SELECTION, encryption: { passphrase: PASSPHRASE } };
  story.request(START_BACKUP.document, { input });
  const { id } = (await client.execute(START_BACKUP, { input })).startBackup;
  story.request(BACKUP_PROGRESS.document, { id });
  const view = createProgressView(output);
  const states = watchRun(async function* () {
    for await (const { backupProgress } of client.subscribe(BACKUP_PROGRESS, { id })) yield backupProgress;
  }, signal);
  const done = await followRun(states, (state) => view.update(state.progress)).finally(() => view.end());
  story.say(
    `${formatQuantity(done.rows ?? 0, "row")}, ${formatBytes(done.rawBytes ?? 0)} as text, ` +
      `${formatBytes(done.sizeBytes ?? 0)} compressed and encrypted (${formatDuration(done.durationMs ?? 0)})`,
  );
  return id;
}

async function breakThings({ story, sql }: Stage): Promise<void> {
  story.step("A disaster, and work that goes on meanwhile");
  const run = async (statements: readonly Statement[]): Promise<void> => {
    for (const statement of statements) {
      story.quote(statement.sql);
      const { count } = await sql.unsafe(statement.sql);
      story.say(`→ ${formatCount(count)} ${statement.outcome}`);
    }
  };
  await run(DAMAGE);
  await run(LATER_WORK);
}

/** @returns the plan: what a restore would do now */
async function preview(stage: Stage, backupId: string): Promise<string> {
  const { story } = stage;
  story.step("Preview: what would a restore do?");
  const { plan, changes } = await runRestore(stage, {
    backupId,
    unlock: { passphrase: PASSPHRASE },
    dryRun: true,
  });
  const number = (count: number): string => (count === 0 ? "·" : formatCount(count));
  story.say(
    renderTable(
      [
        { title: "entity" },
        { title: "table" },
        { title: "inserted", align: "right" },
        { title: "updated", align: "right" },
        { title: "unchanged", align: "right" },
        { title: "deleted", align: "right" },
      ],
      changes.map(({ entity, table, inserted, updated, unchanged, deleted }) => [
        entity,
        table.replace(/^platform\./, ""),
        ...[inserted, updated, unchanged, deleted].map(number),
      ]),
    ),
  );
  if (plan === null) throw new Error("The preview has no plan.");
  story.say("Nothing was changed. This is the plan's id; the restore will insist on it:");
  story.say(plan);
  return plan;
}

async function restore(stage: Stage, backupId: string, expectPlan: string): Promise<void> {
  const { story } = stage;
  story.step("Restore exactly that, in one transaction");
  const { durationMs } = await runRestore(stage, {
    backupId,
    unlock: { passphrase: PASSPHRASE },
    expectPlan,
  });
  story.say(`Restored (${formatDuration(durationMs ?? 0)})`);
}

async function runRestore(
  { story, client, output, signal }: Stage,
  input: RestoreInput,
): Promise<RestoreState> {
  story.request(START_RESTORE.document, { input });
  const { id } = (await client.execute(START_RESTORE, { input })).startRestore;
  const view = createProgressView(output);
  const states = watchRun(async function* () {
    for await (const { restoreProgress } of client.subscribe(RESTORE_PROGRESS, { id })) yield restoreProgress;
  }, signal);
  return followRun(states, (state) => view.update(state.progress)).finally(() => view.end());
}

/** @throws Error when a table's rows are not those that they should be */
async function prove(story: Story, witness: Witness): Promise<void> {
  story.step("Proof: the rows' hashes, computed by PostgreSQL itself");
  story.quote(fingerprintStatement("platform.users", "id <= $last"));
  const tables = await witness.seeRestored();
  const short = ({ fingerprint }: Rows): string => (fingerprint === "" ? "·" : fingerprint.slice(0, 6));
  const back = tables.filter(({ before, restored }) => before.fingerprint === restored.fingerprint);
  const kept = tables.filter(({ later, laterRestored }) => later.fingerprint === laterRestored.fingerprint);
  story.say(
    renderTable(
      [
        { title: "table" },
        { title: "rows", align: "right" },
        { title: "backup" },
        { title: "damaged" },
        { title: "restored" },
        { title: "later", align: "right" },
        { title: "before" },
        { title: "after" },
      ],
      tables.map(({ table, before, damaged, restored, later, laterRestored }) => [
        table.name,
        formatCount(before.count),
        short(before),
        damaged.fingerprint === before.fingerprint ? "same" : short(damaged),
        short(restored),
        later.count === 0 ? "·" : formatCount(later.count),
        short(later),
        short(laterRestored),
      ]),
    ),
  );
  const all = `in all ${formatCount(tables.length)} tables`;
  const isBack = back.length === tables.length;
  const isKept = kept.length === tables.length;
  story.check(`What was backed up is back, ${all}.`, isBack);
  story.check(`What came later is still there, ${all}.`, isKept);
  if (!isBack || !isKept) throw new Error("The restore has not kept its promise; see the table above.");
}

async function showByHand(story: Story, sql: Sql, { dataDir }: Stack, backupId: string): Promise<void> {
  story.step("Open it without Holdfast: age, zstd, psql and tar are enough");
  const [artifact] = await sql<
    { id: string }[]
  >`SELECT id FROM holdfast.artifacts WHERE run_id = ${backupId}`;
  if (artifact === undefined) throw new Error("The ledger does not know the artifact.");
  const commands = await commandsByHand({
    storeDirectory: path.join(dataDir, "store"),
    artifactId: artifact.id,
    passphrase: PASSPHRASE,
  });
  story.say(`age asks for the passphrase: ${PASSPHRASE}`);
  for (const [means, line] of commands) {
    if (means !== "") story.quote(`# ${means}`);
    story.say(line);
  }
}
