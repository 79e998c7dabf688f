// What is done with restores: starting one (or the preview of one), and watching it.
import { restoredEntities, startRestore, type RestoreInput } from "../../src/runs/start-restore.ts";
import { requireWatchable } from "../../src/runs/visible.ts";
import { builder } from "../builder.ts";
import { openerOf, signedIn } from "../context.ts";
import { EntityEnum, RestoreModeEnum } from "../enums.ts";
import { toUnlockChoice, UnlockInput } from "../unlock-input.ts";
import { RestoreType } from "./restore.ts";

const ColumnMatch = builder.inputType("ColumnMatch", {
  fields: (t) => ({
    column: t.string({ required: true }),
    equals: t.string({ required: true, description: "As text; compared as the column's type." }),
  }),
});

const RowSelectionInput = builder.inputType("RowSelection", {
  description:
    "Rows of an entity's first table, by primary key (as text; the columns of a longer key joined by commas) or by equal columns; all must hold.",
  fields: (t) => ({
    entity: t.field({ type: EntityEnum, required: true }),
    keys: t.stringList({ description: "A row that has one of them." }),
    match: t.field({ type: [ColumnMatch] }),
  }),
});

const StartRestoreInput = builder.inputType("StartRestoreInput", {
  fields: (t) => ({
    backupId: t.id({ required: true }),
    entities: t.field({
      type: [EntityEnum],
      description: "Left out: every entity that the backup holds.",
    }),
    mode: t.field({ type: RestoreModeEnum, defaultValue: "MERGE" }),
    rows: t.field({
      type: [RowSelectionInput],
      description:
        "Only these rows (not with REPLACE), with the rows of the entity's other tables that belong to them.",
    }),
    unlock: t.field({ type: UnlockInput }),
    dryRun: t.boolean({ defaultValue: false }),
    sampleRows: t.int({
      description: "Of a dry run: how many rows of each table and kind `samples` is to show, 1 to 20.",
    }),
    expectPlan: t.string(),
    confirmLockOut: t.boolean({
      defaultValue: false,
      description:
        "Restores accounts also where that locks the caller out (see `Restore.lockOut`); otherwise that is refused.",
    }),
    allowUntrusted: t.boolean({
      defaultValue: false,
      description:
        "Restores also a backup that nothing vouches for (see its `signature`). Needs RESTORE_UNTRUSTED; a dry run does without.",
    }),
    idempotencyKey: t.string(),
  }),
});

/** GraphQL's null means the same as leaving a field out. */
function toRestoreInput(input: typeof StartRestoreInput.$inferInput): RestoreInput {
  return {
    backupId: input.backupId,
    entities: input.entities ?? undefined,
    rows: input.rows?.map(({ entity, keys, match }) => ({
      entity,
      ...(keys && { keys }),
      ...(match && { match }),
    })),
    mode: input.mode ?? "MERGE",
    unlock: toUnlockChoice(input.unlock),
    dryRun: input.dryRun ?? false,
    sampleRows: input.sampleRows ?? undefined,
    expectPlan: input.expectPlan ?? undefined,
    confirmLockOut: input.confirmLockOut ?? false,
    allowUntrusted: input.allowUntrusted ?? false,
    idempotencyKey: input.idempotencyKey ?? undefined,
  };
}

builder.mutationField("startRestore", (t) =>
  t.field({
    type: RestoreType,
    args: { input: t.arg({ type: StartRestoreInput, required: true }) },
    requiresEntities: {
      access: "WRITE",
      of: ({ input }, context) => restoredEntities(context, signedIn(context), toRestoreInput(input)),
    },
    resolve: async (_, { input }, context) => {
      if (input.unlock) await context.auth.checkOpening(openerOf(context));
      return { run: await startRestore(context, signedIn(context), toRestoreInput(input), context.origin) };
    },
  }),
);

builder.subscriptionField("restoreProgress", (t) =>
  t.field({
    type: RestoreType,
    args: { id: t.arg.id({ required: true }) },
    requiresEntities: {
      access: "READ",
      of: async ({ id }, context) =>
        (await requireWatchable(context, signedIn(context), "RESTORE", id)).entities,
    },
    subscribe: (_, { id }, context) => context.watcher.watch(id),
    resolve: (run) => {
      if (run.kind !== "RESTORE") throw new Error(`${run.id} is no restore`);
      return { run };
    },
  }),
);
