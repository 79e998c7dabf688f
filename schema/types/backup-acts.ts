// What is done with backups: starting one, and watching it.
import {
  backedUpEntities,
  startBackup,
  type BackupInput,
  type EncryptionChoice,
} from "../../src/runs/start-backup.ts";
import { requireWatchable, withArtifact } from "../../src/runs/visible.ts";
import { builder } from "../builder.ts";
import { signedIn } from "../context.ts";
import { EntityEnum, EntityGroupEnum } from "../enums.ts";
import { BackupType } from "./backup.ts";

export const EncryptionInput = builder.inputType("EncryptionInput", {
  description: "At most one of the two; left out: not encrypted.",
  fields: (t) => ({
    passphrase: t.string(),
    recipients: t.stringList({ description: "age recipients (age1...)." }),
  }),
});

const StartBackupInput = builder.inputType("StartBackupInput", {
  fields: (t) => ({
    entities: t.field({
      type: [EntityEnum],
      description: "What to back up; left out: every entity that is not opt-in.",
    }),
    groups: t.field({ type: [EntityGroupEnum] }),
    include: t.field({
      type: [EntityEnum],
      description: "Opt-in entities to add to the default selection, e.g. AUDIT_LOGS, CONFIG_VALUES.",
    }),
    encryption: t.field({ type: EncryptionInput }),
    stores: t.stringList({ description: "Names of stores; left out: the default store." }),
    label: t.string(),
    idempotencyKey: t.string({
      description:
        "The same key from the same caller within a day answers with the first run instead of starting another.",
    }),
  }),
});

/** GraphQL's null means the same as leaving a field out. */
export function toEncryptionChoice(
  input: typeof EncryptionInput.$inferInput | null | undefined,
): EncryptionChoice {
  return { passphrase: input?.passphrase ?? undefined, recipients: input?.recipients ?? undefined };
}

/** GraphQL's null means the same as leaving a field out. */
function toBackupInput(input: typeof StartBackupInput.$inferInput): BackupInput {
  return {
    entities: input.entities ?? undefined,
    groups: input.groups ?? undefined,
    include: input.include ?? undefined,
    encryption: toEncryptionChoice(input.encryption),
    stores: input.stores ?? undefined,
    label: input.label ?? undefined,
    idempotencyKey: input.idempotencyKey ?? undefined,
  };
}

builder.mutationField("startBackup", (t) =>
  t.field({
    type: BackupType,
    args: { input: t.arg({ type: StartBackupInput, required: true }) },
    requiresEntities: {
      access: "READ",
      of: ({ input }, context) => backedUpEntities(context, toBackupInput(input)),
    },
    resolve: async (_, { input }, context) => {
      const run = await startBackup(context, signedIn(context), toBackupInput(input), context.origin);
      return withArtifact(context, run);
    },
  }),
);

builder.subscriptionField("backupProgress", (t) =>
  t.field({
    type: BackupType,
    description:
      "The present state at once, then every change; completes after a final state. A late subscriber misses nothing that matters.",
    args: { id: t.arg.id({ required: true }) },
    requiresEntities: {
      access: "READ",
      of: async ({ id }, context) =>
        (await requireWatchable(context, signedIn(context), "BACKUP", id)).entities,
    },
    subscribe: (_, { id }, context) => context.watcher.watch(id),
    resolve: (run, _, context) => {
      if (run.kind !== "BACKUP") throw new Error(`${run.id} is no backup`);
      return withArtifact(context, run);
    },
  }),
);
