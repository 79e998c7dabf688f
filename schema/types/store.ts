// Store: where backups may be kept, whether it can be reached, and which backups it did not take.
import type { StoreFailure } from "../../src/ledger/tables.ts";
import type { StoreInfo } from "../../src/runs/deps.ts";
import { lookAtStore, mayLookAfter, probeStore, type StoreHealth } from "../../src/runs/stores.ts";
import { builder } from "../builder.ts";
import { signedIn } from "../context.ts";
import { BackupType } from "./backup.ts";
import { RunErrorType } from "./run.ts";

const StoreHealthType = builder.objectRef<StoreHealth>("StoreHealth").implement({
  fields: (t) => ({
    reachable: t.exposeBoolean("reachable"),
    error: t.expose("error", {
      type: RunErrorType,
      nullable: true,
      description: "Why it cannot be reached.",
    }),
  }),
});

const StoreType = builder.objectRef<StoreInfo>("Store").implement({
  fields: (t) => ({
    name: t.exposeString("name"),
    kind: t.exposeString("kind", { description: "fs, sftp or s3" }),
    default: t.boolean({ resolve: ({ isDefault }) => isDefault }),
    place: t.string({
      nullable: true,
      description: "A directory or a URL, without secrets; null without MANAGE_BACKUPS.",
      resolve: ({ access }, _, context) => (mayLookAfter(signedIn(context)) ? access?.place : null),
    }),
    health: t.field({
      type: StoreHealthType,
      nullable: true,
      description: "Whether it answers just now: asked only if this is; null without MANAGE_BACKUPS.",
      resolve: (store, _, context) => (mayLookAfter(signedIn(context)) ? lookAtStore(store) : null),
    }),
  }),
});

builder.queryField("stores", (t) =>
  t.field({ type: [StoreType], requires: [], resolve: (_, _args, { stores }) => [...stores] }),
);

builder.mutationField("checkStore", (t) =>
  t.field({
    type: StoreHealthType,
    description: "Has a store put, list, read and delete a small object, as a backup will.",
    args: { name: t.arg.string({ required: true }) },
    requires: ["MANAGE_BACKUPS"],
    resolve: (_, { name }, context) => probeStore(context, name),
  }),
);

const StoreFailureType = builder.objectRef<StoreFailure>("StoreFailure").implement({
  fields: (t) => ({
    store: t.exposeString("store"),
    code: t.exposeString("code"),
    message: t.exposeString("message"),
  }),
});

builder.objectField(BackupType, "storeFailures", (t) =>
  t.field({
    type: [StoreFailureType],
    description: "The stores that it was to be in as well, and why it is not.",
    resolve: ({ artifact }) => artifact?.failedStores ?? [],
  }),
);
