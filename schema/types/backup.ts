// Backup: finding one and listing them. Starting and watching are in backup-acts.ts.
import type { ArtifactContent } from "../../src/ledger/tables.ts";
import {
  areContentsKnown,
  findVisibleBackup,
  listVisibleBackups,
  type Backup,
} from "../../src/runs/visible.ts";
import { builder } from "../builder.ts";
import { pageSize, PageInfoType, toConnection, type Connection, type Edge } from "../connection.ts";
import { signedIn } from "../context.ts";
import { EncryptionKindEnum, EntityEnum, RunStatusEnum } from "../enums.ts";
import { runCursor, runPosition } from "../run-cursor.ts";
import { RunInterface } from "./run.ts";

const BackupContentType = builder.objectRef<ArtifactContent>("BackupContent").implement({
  fields: (t) => ({
    entity: t.expose("entity", { type: EntityEnum }),
    table: t.exposeString("table"),
    rows: t.expose("rows", { type: "SafeInt" }),
    rawBytes: t.expose("rawBytes", { type: "SafeInt" }),
  }),
});

export const BackupType = builder.objectRef<Backup>("Backup").implement({
  interfaces: [RunInterface],
  fields: (t) => ({
    label: t.string({ nullable: true, resolve: ({ run }) => run.request.label }),
    entities: t.field({
      type: [EntityEnum],
      resolve: (backup) => (areContentsKnown(backup) ? backup.run.entities : []),
    }),
    contents: t.field({ type: [BackupContentType], resolve: ({ artifact }) => artifact?.contents ?? [] }),
    encryption: t.field({ type: EncryptionKindEnum, resolve: ({ run }) => run.request.encryption }),
    stores: t.stringList({ resolve: ({ run, artifact }) => [...(artifact?.stores ?? run.request.stores)] }),
    sizeBytes: t.field({
      type: "SafeInt",
      nullable: true,
      description: "of the artifact",
      resolve: ({ artifact }) => artifact?.sizeBytes,
    }),
    rawBytes: t.field({
      type: "SafeInt",
      nullable: true,
      description: "of the rows before compression",
      resolve: (backup) => (areContentsKnown(backup) ? backup.artifact?.rawBytes : null),
    }),
    rows: t.field({
      type: "SafeInt",
      nullable: true,
      resolve: (backup) => (areContentsKnown(backup) ? backup.artifact?.rows : null),
    }),
    pinned: t.boolean({ resolve: ({ artifact }) => artifact?.pinned ?? false }),
    downloadUrl: t.string({
      nullable: true,
      description: "Where the single-file form can be downloaded, with the caller's own authorization.",
      resolve: ({ run, artifact }) =>
        artifact === undefined || artifact.deletionRequestedAt !== null
          ? null
          : `/api/v1/backups/${run.id}/download`,
    }),
  }),
});

const BackupEdgeType = builder.objectRef<Edge<Backup>>("BackupEdge").implement({
  fields: (t) => ({ cursor: t.exposeString("cursor"), node: t.expose("node", { type: BackupType }) }),
});

interface BackupConnection extends Connection<Backup> {
  readonly totalCount: number;
}

const BackupConnectionType = builder.objectRef<BackupConnection>("BackupConnection").implement({
  fields: (t) => ({
    edges: t.field({ type: [BackupEdgeType], resolve: ({ edges }) => edges }),
    pageInfo: t.expose("pageInfo", { type: PageInfoType }),
    totalCount: t.exposeInt("totalCount"),
  }),
});

const BackupFilter = builder.inputType("BackupFilter", {
  fields: (t) => ({
    status: t.field({ type: RunStatusEnum }),
    entity: t.field({ type: EntityEnum }),
    label: t.string(),
    scheduleId: t.id(),
    deleted: t.boolean({ description: "true: those that are deleted; left out: those that are not." }),
  }),
});

builder.queryField("backup", (t) =>
  t.field({
    type: BackupType,
    nullable: true,
    requiresEntities: { access: "READ", of: "result" },
    args: { id: t.arg.id({ required: true }) },
    resolve: (_, { id }, context) => findVisibleBackup(context, signedIn(context), id),
  }),
);

builder.queryField("backups", (t) =>
  t.field({
    type: BackupConnectionType,
    requiresEntities: { access: "READ", of: "result" },
    args: {
      first: t.arg.int({ defaultValue: 20 }),
      after: t.arg.string(),
      filter: t.arg({ type: BackupFilter }),
    },
    resolve: async (_, { first, after, filter }, context) => {
      const { nodes, hasNextPage, totalCount } = await listVisibleBackups(context, signedIn(context), {
        first: pageSize(first, 20),
        after: runPosition(after),
        status: filter?.status ?? undefined,
        entity: filter?.entity ?? undefined,
        label: filter?.label ?? undefined,
        scheduleId: filter?.scheduleId ?? undefined,
        deleted: filter?.deleted ?? undefined,
      });
      return { ...toConnection(nodes, runCursor, { hasNextPage, after }), totalCount };
    },
  }),
);
