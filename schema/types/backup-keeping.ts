// How long backups stay: pinning, deleting and pruning them.
import { deleteBackup, pinBackup } from "../../src/runs/delete-backup.ts";
import { pruneBackups, type PruneDecision, type PruneResult } from "../../src/runs/prune-backups.ts";
import { builder } from "../builder.ts";
import { signedIn } from "../context.ts";
import { BackupType } from "./backup.ts";
import { RetentionInput } from "./retention.ts";

builder.objectFields(BackupType, (t) => ({
  deletionRequestedAt: t.field({
    type: "DateTime",
    nullable: true,
    description: "Since when it is deleted: nothing restores, downloads or verifies it any more.",
    resolve: ({ artifact }) => artifact?.deletionRequestedAt,
  }),
  deletedAt: t.field({
    type: "DateTime",
    nullable: true,
    description: "Since when none of its stores has anything of it any more.",
    resolve: ({ artifact }) => artifact?.deletedAt,
  }),
  deletedBy: t.string({
    nullable: true,
    description: "null with a time of deletion: its schedule's retention.",
    resolve: ({ artifact }) => artifact?.deletedBy,
  }),
}));

builder.mutationField("pinBackup", (t) =>
  t.field({
    type: BackupType,
    description: "A pinned backup is not deleted, by nobody and no policy.",
    args: { id: t.arg.id({ required: true }), pinned: t.arg.boolean({ required: true }) },
    requires: ["MANAGE_BACKUPS"],
    requiresEntities: { access: "READ", of: "result" },
    resolve: (_, args, context) => pinBackup(context, signedIn(context), args, context.origin),
  }),
);

builder.mutationField("deleteBackup", (t) =>
  t.field({
    type: BackupType,
    description: "Refused while it is pinned, or being read. Its run stays as history.",
    args: { id: t.arg.id({ required: true }) },
    requires: ["MANAGE_BACKUPS"],
    requiresEntities: { access: "READ", of: "result" },
    resolve: (_, { id }, context) => deleteBackup(context, signedIn(context), id, context.origin),
  }),
);

const PruneDecisionType = builder.objectRef<PruneDecision>("PruneDecision").implement({
  fields: (t) => ({
    backup: t.field({ type: BackupType, resolve: ({ backup }) => backup }),
    reasons: t.stringList({ resolve: ({ reasons }) => [...reasons] }),
  }),
});

const PruneResultType = builder.objectRef<PruneResult>("PruneResult").implement({
  fields: (t) => ({
    kept: t.field({ type: [PruneDecisionType], resolve: ({ kept }) => [...kept] }),
    deleted: t.field({ type: [PruneDecisionType], resolve: ({ deleted }) => [...deleted] }),
  }),
});

const PruneInputType = builder.inputType("PruneInput", {
  fields: (t) => ({
    scheduleId: t.id({
      description:
        "Left out: every schedule's backups by themselves, in its time zone, and those of no schedule by what they hold.",
    }),
    retention: t.field({ type: RetentionInput, required: true }),
    dryRun: t.boolean({ defaultValue: false }),
  }),
});

builder.mutationField("pruneBackups", (t) =>
  t.field({
    type: PruneResultType,
    description: "Applies a retention policy; with dryRun, only says what it would keep and delete, and why.",
    args: { input: t.arg({ type: PruneInputType, required: true }) },
    requires: ["MANAGE_BACKUPS"],
    requiresEntities: { access: "READ", of: "result" },
    resolve: (_, { input: { scheduleId, retention, dryRun } }, context) =>
      pruneBackups(
        context,
        signedIn(context),
        { scheduleId: scheduleId ?? undefined, retention, dryRun: dryRun ?? false },
        context.origin,
      ),
  }),
);
