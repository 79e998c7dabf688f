// AuditLog: who did what, as Holdfast itself has recorded it.
import { listAudit, type AuditEntry } from "../../src/auth/audit.ts";
import { builder } from "../builder.ts";
import { pageSize, PageInfoType, toConnection, type Connection, type Edge } from "../connection.ts";

const AuditLogEntryType = builder.objectRef<AuditEntry>("AuditLogEntry").implement({
  fields: (t) => ({
    id: t.exposeID("id"),
    at: t.expose("at", { type: "DateTime" }),
    actor: t.exposeString("actor", { nullable: true }),
    action: t.exposeString("action"),
    target: t.exposeString("target", { nullable: true }),
    details: t.exposeString("details", { nullable: true }),
  }),
});

const AuditLogEdgeType = builder.objectRef<Edge<AuditEntry>>("AuditLogEdge").implement({
  fields: (t) => ({ cursor: t.exposeString("cursor"), node: t.expose("node", { type: AuditLogEntryType }) }),
});

const AuditLogConnectionType = builder.objectRef<Connection<AuditEntry>>("AuditLogConnection").implement({
  fields: (t) => ({
    edges: t.field({ type: [AuditLogEdgeType], resolve: ({ edges }) => edges }),
    pageInfo: t.expose("pageInfo", { type: PageInfoType }),
  }),
});

builder.queryField("auditLog", (t) =>
  t.field({
    type: AuditLogConnectionType,
    description: "Who did what: Holdfast's own audit log.",
    requires: ["READ_AUDIT_LOGS"],
    args: { first: t.arg.int({ defaultValue: 50 }), after: t.arg.string() },
    resolve: async (_, { first, after }, { ledger }) => {
      const query = { first: pageSize(first, 50), after: after ?? undefined };
      const { entries, hasNextPage } = await listAudit(ledger.db, query);
      return toConnection(entries, ({ id }) => id, { hasNextPage, after });
    },
  }),
);
