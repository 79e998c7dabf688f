// Verification: finding one, and those of a backup. Starting and watching are in verification-acts.ts.
import type { VerificationLevel, VerifiedStore, VerifiedTable } from "../../src/core/run.ts";
import {
  backupOf,
  findVisibleVerification,
  listVisibleVerifications,
  type Verification,
} from "../../src/runs/visible.ts";
import { builder } from "../builder.ts";
import { signedIn } from "../context.ts";
import { EntityEnum } from "../enums.ts";
import { BackupType } from "./backup.ts";
import { RunInterface } from "./run.ts";

export const VerificationLevelEnum = builder.enumType("VerificationLevel", {
  values: {
    STORED: {
      description: "Every stored object is there, whole, and hashes to what was written. Needs no key.",
    },
    CONTENTS: { description: "Everything is decrypted, decompressed and counted." },
    DRILL: {
      description:
        "A drill: everything is restored into a scratch database and the rows' own hashes are compared.",
    },
  } satisfies Record<VerificationLevel, object>,
});

const VerifiedStoreType = builder.objectRef<VerifiedStore>("VerifiedStore").implement({
  fields: (t) => ({
    store: t.exposeString("store"),
    objects: t.exposeInt("objects"),
    sizeBytes: t.expose("sizeBytes", { type: "SafeInt" }),
    fault: t.exposeString("fault", {
      nullable: true,
      description: "What is wrong with this store's copy; null: every byte is the one that was written.",
    }),
  }),
});

const VerifiedTableType = builder.objectRef<VerifiedTable>("VerifiedTable").implement({
  fields: (t) => ({
    entity: t.expose("entity", { type: EntityEnum }),
    table: t.exposeString("table"),
    rows: t.expose("rows", { type: "SafeInt", description: "as many as were backed up" }),
    foundRows: t.expose("foundRows", { type: "SafeInt", description: "as many as were read, or restored" }),
    fault: t.exposeString("fault", {
      nullable: true,
      description: "What is wrong with it; null: its rows are those that were backed up.",
    }),
  }),
});

export const VerificationType = builder.objectRef<Verification>("Verification").implement({
  interfaces: [RunInterface],
  fields: (t) => ({
    backup: t.field({
      type: BackupType,
      resolve: ({ run }, _, context) => backupOf(context, signedIn(context), run),
    }),
    level: t.field({
      type: VerificationLevelEnum,
      resolve: ({ run }) => run.outcome?.level ?? run.request.level,
    }),
    note: t.string({
      nullable: true,
      description: "Why it did not go as deep as it was asked to, where it did not.",
      resolve: ({ run }) => run.outcome?.note,
    }),
    stores: t.field({
      type: [VerifiedStoreType],
      description: "Of every store that has the backup, at the levels STORED and CONTENTS.",
      resolve: ({ run }) => [...(run.outcome?.stores ?? [])],
    }),
    tables: t.field({
      type: [VerifiedTableType],
      description:
        "Of every table, at the levels CONTENTS and DRILL; also where the verification has failed.",
      resolve: ({ run }, _, { catalog }) =>
        (run.outcome?.tables ?? []).filter(({ entity }) => catalog.entities.has(entity)),
    }),
  }),
});

builder.objectField(BackupType, "verifications", (t) =>
  t.field({
    type: [VerificationType],
    description: "The newest first.",
    resolve: ({ run }, _, context) => listVisibleVerifications(context, signedIn(context), run.id),
  }),
);

builder.queryField("verification", (t) =>
  t.field({
    type: VerificationType,
    nullable: true,
    args: { id: t.arg.id({ required: true }) },
    requiresEntities: { access: "READ", of: "result" },
    resolve: (_, { id }, context) => findVisibleVerification(context, signedIn(context), id),
  }),
);
