// What is done with restores: starting one (or the preview of one), and watching it.
import { restoredEntities, startRestore, type RestoreInput } from "../../src/runs/start-restore.ts";
import { requireVisible } from "../../src/runs/visible.ts";
import { builder } from "../builder.ts";
import { signedIn } from "../context.ts";
import { EntityEnum, RestoreModeEnum } from "../enums.ts";
import { RestoreType } from "./restore.ts";

const UnlockInput = builder.inputType("UnlockInput", {
  description: "What opens an artifact; at most one of the two.",
  fields: (t) => ({
    passphrase: t.string(),
    identity: t.string({ description: "An age identity (AGE-SECRET-KEY-1...)." }),
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
    unlock: t.field({ type: UnlockInput }),
    dryRun: t.boolean({ defaultValue: false }),
    expectPlan: t.string(),
    idempotencyKey: t.string(),
  }),
});

/** GraphQL's null means the same as leaving a field out. */
function toRestoreInput(input: typeof StartRestoreInput.$inferInput): RestoreInput {
  return {
    backupId: input.backupId,
    entities: input.entities ?? undefined,
    mode: input.mode ?? "MERGE",
    unlock: {
      passphrase: input.unlock?.passphrase ?? undefined,
      identity: input.unlock?.identity ?? undefined,
    },
    dryRun: input.dryRun ?? false,
    expectPlan: input.expectPlan ?? undefined,
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
    resolve: async (_, { input }, context) => ({
      run: await startRestore(context, signedIn(context), toRestoreInput(input), context.origin),
    }),
  }),
);

builder.subscriptionField("restoreProgress", (t) =>
  t.field({
    type: RestoreType,
    args: { id: t.arg.id({ required: true }) },
    requiresEntities: {
      access: "READ",
      of: async ({ id }, context) =>
        (await requireVisible(context, signedIn(context), "RESTORE", id)).entities,
    },
    subscribe: (_, { id }, context) => context.watcher.watch(id),
    resolve: (run) => {
      if (run.kind !== "RESTORE") throw new Error(`${run.id} is no restore`);
      return { run };
    },
  }),
);
