// Restore: finding one and listing them. Starting and watching are in restore-acts.ts.
import type {
  ColumnSample,
  RestoreConflict,
  RowSample,
  RowSelection,
  TableChanges,
} from "../../src/core/run.ts";
import { LOCK_OUT_REASONS } from "../../src/core/lock-out.ts";
import { mayAccess } from "../../src/runs/access.ts";
import { backupOf, findVisibleRestore, listVisibleRestores, type Restore } from "../../src/runs/visible.ts";
import { builder } from "../builder.ts";
import { pageSize, PageInfoType, toConnection, type Connection, type Edge } from "../connection.ts";
import { signedIn } from "../context.ts";
import { EntityEnum, RestoreModeEnum } from "../enums.ts";
import { runCursor, runPosition } from "../run-cursor.ts";
import { BackupType } from "./backup.ts";
import { RunInterface } from "./run.ts";

const RowChangeEnum = builder.enumType("RowChange", { values: ["INSERTED", "UPDATED", "DELETED"] as const });

const ColumnSampleType = builder.objectRef<ColumnSample>("ColumnSample").implement({
  fields: (t) => ({
    column: t.exposeString("column"),
    before: t.exposeString("before", {
      nullable: true,
      description: "As text, cut where it is long; null: NULL, or no row.",
    }),
    after: t.exposeString("after", { nullable: true }),
    changed: t.exposeBoolean("changed", {
      description: "Whether the two differ, also beyond what is shown of them.",
    }),
  }),
});

const RowSampleType = builder.objectRef<RowSample>("RowSample").implement({
  description: "One of the rows that a restore would change.",
  fields: (t) => ({
    kind: t.expose("kind", { type: RowChangeEnum }),
    columns: t.field({ type: [ColumnSampleType], resolve: ({ columns }) => [...columns] }),
  }),
});

const ConflictKindEnum = builder.enumType("ConflictKind", {
  values: {
    UNIQUE: { description: "Two rows that cannot be there together." },
    MISSING_REFERENCE: { description: "Rows that would refer to nothing." },
    STILL_REFERENCED: { description: "Live rows that would lose what they refer to." },
  } as const,
});

const RestoreConflictType = builder.objectRef<RestoreConflict>("RestoreConflict").implement({
  description: "What stands in the way of a restore, found before anything was changed.",
  fields: (t) => ({
    kind: t.expose("kind", { type: ConflictKindEnum }),
    entity: t.expose("entity", { type: EntityEnum, nullable: true, description: "Whose table it is." }),
    table: t.exposeString("table"),
    constraint: t.exposeString("constraint"),
    rows: t.expose("rows", { type: "SafeInt" }),
    values: t.exposeString("values", { description: "What collides or is missing, for example: name = a" }),
    row: t.exposeString("row", { nullable: true, description: "The backup's row: id = 1" }),
    other: t.exposeString("other", { nullable: true, description: "The row that it collides with: id = 9" }),
    otherIsLive: t.exposeBoolean("otherIsLive", {
      nullable: true,
      description: "false: it is the backup's, too.",
    }),
    references: t.exposeString("references", {
      nullable: true,
      description: "The table that is referred to.",
    }),
    add: t.expose("add", { type: EntityEnum, nullable: true, description: "The entity to restore as well." }),
  }),
});

const EntityChangesType = builder.objectRef<TableChanges>("EntityChanges").implement({
  fields: (t) => ({
    entity: t.expose("entity", { type: EntityEnum }),
    table: t.exposeString("table"),
    inserted: t.expose("inserted", { type: "SafeInt" }),
    updated: t.expose("updated", { type: "SafeInt" }),
    unchanged: t.expose("unchanged", { type: "SafeInt" }),
    deleted: t.expose("deleted", { type: "SafeInt" }),
    samples: t.field({
      type: [RowSampleType],
      nullable: true,
      description:
        "A few rows of each kind, if `sampleRows` asked for them; null without READ of the entity.",
      resolve: ({ entity, samples }, _, context) =>
        samples !== undefined && mayAccess(context.catalog, signedIn(context), [entity], "READ")
          ? [...samples]
          : null,
    }),
  }),
});

type SelectedColumn = NonNullable<RowSelection["match"]>[number];

const SelectedColumnType = builder.objectRef<SelectedColumn>("SelectedColumn").implement({
  fields: (t) => ({ column: t.exposeString("column"), equals: t.exposeString("equals") }),
});

const SelectedRowsType = builder.objectRef<RowSelection>("SelectedRows").implement({
  description: "Rows that a restore was asked for, as in RowSelection.",
  fields: (t) => ({
    entity: t.expose("entity", { type: EntityEnum }),
    keys: t.stringList({ resolve: ({ keys }) => [...(keys ?? [])] }),
    match: t.field({ type: [SelectedColumnType], resolve: ({ match }) => [...(match ?? [])] }),
  }),
});

const LockOutReasonEnum = builder.enumType("LockOutReason", {
  values: {
    ACCOUNT_GONE: { description: LOCK_OUT_REASONS.ACCOUNT_GONE },
    ACCOUNT_DISABLED: { description: LOCK_OUT_REASONS.ACCOUNT_DISABLED },
    PASSWORD_CHANGED: { description: LOCK_OUT_REASONS.PASSWORD_CHANGED },
    PERMISSIONS_LOST: { description: LOCK_OUT_REASONS.PERMISSIONS_LOST },
    TOKEN_GONE: { description: LOCK_OUT_REASONS.TOKEN_GONE },
  } as const,
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
    selectedRows: t.field({
      type: [SelectedRowsType],
      nullable: true,
      description:
        "Where it is not of all rows: those that were asked for, of the entities that the caller may READ.",
      resolve: ({ run: { request } }, _, context) => {
        const caller = signedIn(context);
        return request.rows?.filter(({ entity }) => mayAccess(context.catalog, caller, [entity], "READ"));
      },
    }),
    changes: t.field({ type: [EntityChangesType], resolve: ({ run }) => run.outcome?.changes ?? [] }),
    conflicts: t.field({
      type: [RestoreConflictType],
      description:
        "What it has FAILED over before anything was changed, as far as a person reads; nothing without READ of its entities.",
      resolve: ({ run }, _, context) =>
        mayAccess(context.catalog, signedIn(context), run.entities, "READ")
          ? [...(run.outcome?.conflicts ?? [])]
          : [],
    }),
    lockOut: t.field({
      type: [LockOutReasonEnum],
      description:
        "In what ways restoring these accounts would lock its requester out, or has; then it takes confirmLockOut.",
      resolve: ({ run }) => [...(run.outcome?.lockOut ?? [])],
    }),
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
