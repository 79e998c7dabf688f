// What is done with artifacts that are kept: another key, and backups that were made elsewhere.
import type { ScannedArtifact } from "../../src/runs/keeping.ts";
import { areContentsKnown, findVisibleBackup } from "../../src/runs/visible.ts";
import { builder } from "../builder.ts";
import { openerOf, signedIn } from "../context.ts";
import { toUnlockChoice, UnlockInput } from "../unlock-input.ts";
import { EncryptionInput, toEncryptionChoice } from "./backup-acts.ts";
import { BackupType } from "./backup.ts";

const BackupOriginEnum = builder.enumType("BackupOrigin", {
  values: {
    MADE: { description: "By this Holdfast." },
    IMPORTED: { description: "Uploaded." },
    FOUND: { description: "By a look at what a store holds." },
  },
});

builder.objectFields(BackupType, (t) => ({
  origin: t.field({ type: BackupOriginEnum, resolve: ({ artifact }) => artifact?.origin ?? "MADE" }),
  contentsKnown: t.boolean({
    description:
      "false: it was imported or found encrypted, and nobody has opened it yet. Verifying it at the level CONTENTS does; until then only who may read every entity sees it.",
    resolve: areContentsKnown,
  }),
}));

builder.mutationField("importBackup", (t) =>
  t.field({
    type: BackupType,
    description: "Takes an artifact made elsewhere (the single-file form) into a store.",
    args: {
      file: t.arg({ type: "File", required: true }),
      store: t.arg.string(),
      unlock: t.arg({
        type: UnlockInput,
        description: "To learn what an encrypted one holds; it is imported without, too.",
      }),
    },
    requires: ["MANAGE_BACKUPS"],
    resolve: (_, { file, store, unlock }, context) =>
      context.auth.limitOpening(openerOf(context), () =>
        context.keeping.importBackup(
          signedIn(context),
          { file, store: store ?? undefined, unlock: toUnlockChoice(unlock) },
          context.origin,
        ),
      ),
  }),
);

const RekeyBackupInput = builder.inputType("RekeyBackupInput", {
  fields: (t) => ({
    id: t.id({ required: true }),
    unlock: t.field({ type: UnlockInput, required: true }),
    encryption: t.field({ type: EncryptionInput, required: true }),
  }),
});

builder.mutationField("rekeyBackup", (t) =>
  t.field({
    type: BackupType,
    description: "Replaces the passphrase or the recipients without rewriting the data.",
    args: { input: t.arg({ type: RekeyBackupInput, required: true }) },
    requires: ["MANAGE_BACKUPS"],
    requiresEntities: { access: "READ", of: "result" },
    resolve: (_, { input: { id, unlock, encryption } }, context) =>
      context.auth.limitOpening(openerOf(context), () =>
        context.keeping.rekeyBackup(
          signedIn(context),
          { id, unlock: toUnlockChoice(unlock), encryption: toEncryptionChoice(encryption) },
          context.origin,
        ),
      ),
  }),
);

const ScanStateEnum = builder.enumType("ScanState", {
  values: {
    LISTED: { description: "It is a backup now." },
    KNOWN: { description: "It was one before." },
    MERGED: { description: "It was one before, and this store has it as well." },
    INCOMPLETE: { description: "It was never finished, or is being written or deleted." },
    FOREIGN: { description: "It holds what the catalog does not have." },
    UNREADABLE: { description: "Something is wrong with it." },
  },
});

const ScannedArtifactType = builder.objectRef<ScannedArtifact>("ScannedArtifact").implement({
  fields: (t) => ({
    store: t.exposeString("store"),
    artifactId: t.exposeID("artifactId"),
    state: t.expose("state", { type: ScanStateEnum }),
    message: t.exposeString("message", { nullable: true, description: "Why it is not listed." }),
    backup: t.field({
      type: BackupType,
      nullable: true,
      description: "null also where the caller may not read it.",
      resolve: ({ backupId }, _, context) =>
        backupId === null ? null : findVisibleBackup(context, signedIn(context), backupId),
    }),
  }),
});

builder.mutationField("scanStores", (t) =>
  t.field({
    type: [ScannedArtifactType],
    description: "Looks at what stores hold, and lists the backups that are not known here.",
    args: { stores: t.arg.stringList({ description: "Names of stores; left out: all." }) },
    requires: ["MANAGE_BACKUPS"],
    resolve: (_, { stores }, context) =>
      context.keeping.scanStores(signedIn(context), stores ?? undefined, context.origin),
  }),
);
