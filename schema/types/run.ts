// Run: what backups, restores and verifications have in common, with their progress and their error.
import type { Progress, TableProgress } from "../../src/core/run.ts";
import type { Run } from "../../src/ledger/run-row.ts";
import { builder } from "../builder.ts";
import { EntityEnum, RunStatusEnum } from "../enums.ts";

const TableProgressType = builder.objectRef<TableProgress>("TableProgress").implement({
  description: "How far the present phase has come with one table.",
  fields: (t) => ({
    entity: t.expose("entity", { type: EntityEnum }),
    table: t.exposeString("table"),
    rows: t.expose("rows", { type: "SafeInt" }),
    rowsTotal: t.expose("rowsTotal", {
      type: "SafeInt",
      nullable: true,
      description: "an estimate until the table is done",
    }),
    bytes: t.expose("bytes", { type: "SafeInt" }),
    bytesTotal: t.expose("bytesTotal", { type: "SafeInt", nullable: true }),
    rowsPerSecond: t.exposeFloat("rowsPerSecond", { nullable: true }),
    etaSeconds: t.exposeFloat("etaSeconds", { nullable: true }),
    done: t.exposeBoolean("done"),
  }),
});

const ProgressType = builder.objectRef<Progress>("Progress").implement({
  fields: (t) => ({
    phase: t.exposeString("phase", {
      description: "e.g. queued, planning, copying, sealing, staging, comparing, applying, done",
    }),
    entity: t.expose("entity", { type: EntityEnum, nullable: true }),
    table: t.string({
      nullable: true,
      description: "the one that was counted last; several may be worked on at once",
      resolve: ({ table }) => table,
    }),
    rows: t.expose("rows", { type: "SafeInt" }),
    rowsTotal: t.expose("rowsTotal", {
      type: "SafeInt",
      nullable: true,
      description: "an estimate until it is known",
    }),
    bytes: t.expose("bytes", { type: "SafeInt" }),
    bytesTotal: t.expose("bytesTotal", { type: "SafeInt", nullable: true }),
    percent: t.exposeFloat("percent", { description: "0 to 100, never falls" }),
    rowsPerSecond: t.exposeFloat("rowsPerSecond", { nullable: true }),
    etaSeconds: t.exposeFloat("etaSeconds", { nullable: true }),
    tables: t.field({
      type: [TableProgressType],
      description: "Of the present phase, where it goes by tables: the largest ones, 50 at most.",
      resolve: ({ tables }) => tables ?? [],
    }),
  }),
});

interface RunFailure {
  readonly code: string;
  readonly message: string;
  readonly hint: string | null;
}

export const RunErrorType = builder.objectRef<RunFailure>("RunError").implement({
  fields: (t) => ({
    code: t.exposeString("code"),
    message: t.exposeString("message"),
    hint: t.exposeString("hint", { nullable: true }),
  }),
});

/** What a type that implements Run is resolved from. */
export interface RunShape {
  readonly run: Run;
}

const TYPES = { BACKUP: "Backup", RESTORE: "Restore", VERIFICATION: "Verification" } as const;

export const RunInterface = builder.interfaceRef<RunShape>("Run").implement({
  resolveType: ({ run }) => TYPES[run.kind],
  fields: (t) => ({
    id: t.id({ resolve: ({ run }) => run.id }),
    status: t.field({ type: RunStatusEnum, resolve: ({ run }) => run.status }),
    progress: t.field({ type: ProgressType, resolve: ({ run }) => run.progress }),
    attempt: t.int({
      description:
        "How many times it has been taken up: 0 while it waits; more than 1 where a worker was lost, and it began again (a backup from a new snapshot).",
      resolve: ({ run }) => run.attempt,
    }),
    error: t.field({ type: RunErrorType, nullable: true, resolve: ({ run }) => failureOf(run) }),
    requestedBy: t.string({ nullable: true, resolve: ({ run }) => run.requestedBy }),
    createdAt: t.field({ type: "DateTime", resolve: ({ run }) => run.createdAt }),
    startedAt: t.field({ type: "DateTime", nullable: true, resolve: ({ run }) => run.startedAt }),
    finishedAt: t.field({ type: "DateTime", nullable: true, resolve: ({ run }) => run.finishedAt }),
    durationMs: t.field({ type: "SafeInt", nullable: true, resolve: ({ run }) => durationMsOf(run) }),
  }),
});

function failureOf({ errorCode, errorMessage, errorHint }: RunShape["run"]): RunFailure | null {
  return errorCode === null ? null : { code: errorCode, message: errorMessage ?? "", hint: errorHint };
}

/** From when a worker first took it up until it ended; null before that. */
function durationMsOf({ startedAt, finishedAt }: RunShape["run"]): number | null {
  return startedAt === null || finishedAt === null ? null : finishedAt.getTime() - startedAt.getTime();
}
