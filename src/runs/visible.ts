// Which runs a caller may see: those of which he may read every entity. To others they are not there.
import type { Caller } from "../auth/caller.ts";
import { HoldfastError } from "../core/errors.ts";
import type { RunKind, RunStatus } from "../core/run.ts";
import { findArtifact, findArtifacts, type Artifact } from "../ledger/artifacts.ts";
import type { BackupRun, RestoreRun, Run, VerificationRun } from "../ledger/run-row.ts";
import type { RunWatcher } from "../ledger/watch.ts";
import { findRun, findVerifications, listRuns, type RunPosition } from "../ledger/runs.ts";
import { mayAccess, readableEntities } from "./access.ts";
import type { RunDeps } from "./deps.ts";
import { checkText } from "./text.ts";

/** A backup's run with its artifact, which it has once it has SUCCEEDED. */
export interface Backup {
  readonly run: BackupRun;
  readonly artifact: Artifact | undefined;
}

/**
 * Whether it is known what a backup holds. Of an encrypted one that was imported or found it is not, as long as nobody has opened
 * it: until then its run names every entity that it might hold, so that nobody sees or restores what he may not.
 */
export function areContentsKnown({ artifact }: Pick<Backup, "artifact">): boolean {
  return artifact === undefined || artifact.contents.length > 0;
}

export interface Restore {
  readonly run: RestoreRun;
}

export interface Verification {
  readonly run: VerificationRun;
}

function maySee({ catalog }: Pick<RunDeps, "catalog">, caller: Caller, run: Run): boolean {
  return mayAccess(catalog, caller, run.entities, "READ");
}

/** @returns undefined also where there is such a backup, but not for this caller */
export async function findVisibleBackup(
  deps: RunDeps,
  caller: Caller,
  id: string,
): Promise<Backup | undefined> {
  const run = await findRun(deps.ledger, id);
  if (run?.kind !== "BACKUP" || !maySee(deps, caller, run)) return undefined;
  return withArtifact(deps, run);
}

/** @returns undefined also where there is such a restore, but not for this caller */
export async function findVisibleRestore(
  deps: RunDeps,
  caller: Caller,
  id: string,
): Promise<Restore | undefined> {
  const run = await findRun(deps.ledger, id);
  return run?.kind === "RESTORE" && maySee(deps, caller, run) ? { run } : undefined;
}

/** @returns undefined also where there is such a verification, but not for this caller */
export async function findVisibleVerification(
  deps: RunDeps,
  caller: Caller,
  id: string,
): Promise<Verification | undefined> {
  const run = await findRun(deps.ledger, id);
  return run?.kind === "VERIFICATION" && maySee(deps, caller, run) ? { run } : undefined;
}

/** The verifications of a backup that the caller may see: the newest first. */
export async function listVisibleVerifications(
  deps: RunDeps,
  caller: Caller,
  backupId: string,
): Promise<Verification[]> {
  const runs = await findVerifications(deps.ledger, backupId);
  return runs.filter((run) => maySee(deps, caller, run)).map((run) => ({ run }));
}

/**
 * The run, of the kind that is asked for.
 * @throws HoldfastError NOT_FOUND also where there is such a run, but not for this caller
 */
export async function requireVisible(
  deps: Pick<RunDeps, "ledger" | "catalog">,
  caller: Caller,
  kind: RunKind,
  id: string,
): Promise<Run> {
  const run = await findRun(deps.ledger, id);
  if (run?.kind === kind && maySee(deps, caller, run)) return run;
  throw new HoldfastError("NOT_FOUND", `There is no ${kind.toLowerCase()} ${id}.`);
}

/**
 * As {@link requireVisible}, for those who watch the run: as long as somebody here does, nothing is read for it.
 * @throws HoldfastError NOT_FOUND
 */
export async function requireWatchable(
  deps: Pick<RunDeps, "ledger" | "catalog"> & { readonly watcher: Pick<RunWatcher, "peek"> },
  caller: Caller,
  kind: RunKind,
  id: string,
): Promise<Run> {
  const run = deps.watcher.peek(id);
  if (run?.kind === kind && maySee(deps, caller, run)) return run;
  return requireVisible(deps, caller, kind, id);
}

/**
 * The backup that a restore draws from (or a verification looks at), for somebody who may see that run. Of a backup that holds more than the caller
 * may read, only what he may read is shown: neither the other entities nor the sizes of the whole.
 */
export async function backupOf(
  deps: RunDeps,
  caller: Caller,
  { request }: RestoreRun | VerificationRun,
): Promise<Backup> {
  const run = await findRun(deps.ledger, request.backupId);
  if (run?.kind !== "BACKUP") {
    throw new HoldfastError("NOT_FOUND", `The backup ${request.backupId} is no longer there.`);
  }
  const backup = await withArtifact(deps, run);
  return maySee(deps, caller, run) ? backup : narrow(backup, readableEntities(deps.catalog, caller));
}

function narrow({ run }: Backup, readable: readonly string[]): Backup {
  const entities = run.entities.filter((name) => readable.includes(name));
  return { run: { ...run, entities, request: { ...run.request, label: null } }, artifact: undefined };
}

/** Every run that the caller may see, as it changes. The reader may leave at any time. */
export function watchVisibleRuns(
  deps: Pick<RunDeps, "catalog">,
  watcher: RunWatcher,
  callerNow: () => Caller,
): AsyncIterableIterator<Run, undefined> {
  const all = watcher.watchAll();
  return {
    async next() {
      for (;;) {
        const { done, value: run } = await all.next();
        if (done === true) return { done, value: undefined };
        if (maySee(deps, callerNow(), run)) return { done: false, value: run };
      }
    },
    async return() {
      await all.return?.();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

export interface ListQuery {
  /** The page's size. */
  readonly first: number;
  readonly after?: RunPosition | undefined;
}

export interface BackupQuery extends ListQuery {
  readonly status?: RunStatus | undefined;
  readonly entity?: string | undefined;
  /** Exactly this label. */
  readonly label?: string | undefined;
  readonly scheduleId?: string | undefined;
  /** Those that are deleted; false or left out: those that are not. */
  readonly deleted?: boolean | undefined;
}

export interface Page<T> {
  /** The newest first. */
  readonly nodes: T[];
  readonly hasNextPage: boolean;
  /** Over all pages. */
  readonly totalCount: number;
}

/** One page of the backups that the caller may see. */
export async function listVisibleBackups(
  deps: RunDeps,
  caller: Caller,
  query: BackupQuery,
): Promise<Page<Backup>> {
  const readable = readableEntities(deps.catalog, caller);
  const label = checkText("label", query.label);
  const { runs, ...page } = await listRuns(deps.ledger, {
    ...query,
    label,
    deleted: query.deleted ?? false,
    kind: "BACKUP",
    readable,
  });
  const backups = runs.filter((run) => run.kind === "BACKUP");
  return { ...page, nodes: await withArtifacts(deps, backups) };
}

/** One page of the restores that the caller may see. */
export async function listVisibleRestores(
  deps: RunDeps,
  caller: Caller,
  query: ListQuery,
): Promise<Page<Restore>> {
  const readable = readableEntities(deps.catalog, caller);
  const { runs, ...page } = await listRuns(deps.ledger, { ...query, kind: "RESTORE", readable });
  return { ...page, nodes: runs.filter((run) => run.kind === "RESTORE").map((run) => ({ run })) };
}

export async function withArtifact({ ledger }: RunDeps, run: BackupRun): Promise<Backup> {
  return { run, artifact: run.status === "SUCCEEDED" ? await findArtifact(ledger, run.id) : undefined };
}

/** In the order of the runs. */
export async function withArtifacts({ ledger }: RunDeps, runs: readonly BackupRun[]): Promise<Backup[]> {
  const artifacts = await findArtifacts(
    ledger,
    runs.map(({ id }) => id),
  );
  const byRun = new Map(artifacts.map((artifact) => [artifact.runId, artifact]));
  return runs.map((run) => ({ run, artifact: byRun.get(run.id) }));
}
