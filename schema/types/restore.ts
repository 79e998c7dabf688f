// Restore: finding one and listing them. Starting and watching are in restore-acts.ts.
import type { TableChanges } from "../../src/core/run.ts";
import { backupOf, findVisibleRestore, listVisibleRestores, type Restore } from "../../src/runs/visible.ts";
import { builder } from "../builder.ts";
import { pageSize, PageInfoType, toConnection, type Connection, type Edge } from "../connection.ts";
import { signedIn } from "../context.ts";
import { EntityEnum, RestoreModeEnum } from "../enums.ts";
import { runCursor, runPosition } from "../run-cursor.ts";
import { BackupType } from "./backup.ts";
import { RunInterface } from "./run.ts";

const EntityChangesType = builder.objectRef<TableChanges>("EntityChanges").implement({
  fields: (t) => ({
    entity: t.expose("entity", { type: EntityEnum }),
    table: t.exposeString("table"),
    inserted: t.expose("inserted", { type: "SafeInt" }),
    updated: t.expose("updated", { type: "SafeInt" }),
    unchanged: t.expose("unchanged", { type: "SafeInt" }),
    deleted: t.expose("deleted", { type: "SafeInt" }),
  }),
});

export const RestoreType = builder.objectRef<Restore>("Restore").implement({
  interfaces: [RunInterface],
  fields: (t) => ({
    backup: t.field({
      type: BackupType,
      resolve: ({ run }, _, context) => backupOf(context, signedIn(context), run),
    }),
    entities: t.field({ type: [EntityEnum], resolve: ({ run }) => run.entities }),
    mode: t.field({ type: RestoreModeEnum, resolve: ({ run }) => run.request.mode }),
    dryRun: t.boolean({ resolve: ({ run }) => run.request.dryRun }),
    changes: t.field({ type: [EntityChangesType], resolve: ({ run }) => run.outcome?.changes ?? [] }),
    plan: t.string({
      nullable: true,
      description:
        "Identifies what a dry run found; pass it as expectPlan, and a restore that would do anything else is refused.",
      resolve: ({ run }) => run.outcome?.plan,
    }),
  }),
});

const RestoreEdgeType = builder.objectRef<Edge<Restore>>("RestoreEdge").implement({
  fields: (t) => ({ cursor: t.exposeString("cursor"), node: t.expose("node", { type: RestoreType }) }),
});

interface RestoreConnection extends Connection<Restore> {
  readonly totalCount: number;
}

const RestoreConnectionType = builder.objectRef<RestoreConnection>("RestoreConnection").implement({
  fields: (t) => ({
    edges: t.field({ type: [RestoreEdgeType], resolve: ({ edges }) => edges }),
    pageInfo: t.expose("pageInfo", { type: PageInfoType }),
    totalCount: t.exposeInt("totalCount"),
  }),
});

builder.queryField("restore", (t) =>
  t.field({
    type: RestoreType,
    nullable: true,
    args: { id: t.arg.id({ required: true }) },
    requiresEntities: { access: "READ", of: "result" },
    resolve: (_, { id }, context) => findVisibleRestore(context, signedIn(context), id),
  }),
);

builder.queryField("restores", (t) =>
  t.field({
    type: RestoreConnectionType,
    args: { first: t.arg.int({ defaultValue: 20 }), after: t.arg.string() },
    requiresEntities: { access: "READ", of: "result" },
    resolve: async (_, { first, after }, context) => {
      const { nodes, hasNextPage, totalCount } = await listVisibleRestores(context, signedIn(context), {
        first: pageSize(first, 20),
        after: runPosition(after),
      });
      return { ...toConnection(nodes, runCursor, { hasNextPage, after }), totalCount };
    },
  }),
);
