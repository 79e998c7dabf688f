// Delivery: what somebody was told, or is to be, over one of the configured ways; and the ways.
import { NOTIFY_EVENTS } from "../../src/core/notify-declaration.ts";
import type { DeliveryRow } from "../../src/ledger/deliveries.ts";
import {
  findVisibleDelivery,
  listVisibleDeliveries,
  redeliver,
  sendTestNotice,
  type NotifyTarget,
} from "../../src/runs/deliveries.ts";
import { builder } from "../builder.ts";
import { pageSize, PageInfoType, toConnection, type Connection, type Edge } from "../connection.ts";
import { signedIn } from "../context.ts";
import { positionCursor, runPosition } from "../run-cursor.ts";

const enumNameOf = (event: string): string => event.replaceAll("-", "_").toUpperCase();
const NoticeEventEnum = builder.enumType("NoticeEvent", {
  values: Object.fromEntries(
    ([...NOTIFY_EVENTS, "test"] as const).map((event) => [enumNameOf(event), { value: event }]),
  ),
});

const DeliveryStatusEnum = builder.enumType("DeliveryStatus", {
  values: {
    PENDING: { description: "It is being sent, or waits to be sent again." },
    DELIVERED: { description: "It was taken." },
    FAILED: { description: "It was given up." },
  },
});

const NotifyTargetType = builder.objectRef<NotifyTarget>("NotifyTarget").implement({
  description: "A configured way to tell people. Its address may hold a secret, and is not shown.",
  fields: (t) => ({
    name: t.exposeString("name"),
    kind: t.exposeString("kind", { description: "webhook or mail" }),
    on: t.field({ type: [NoticeEventEnum], resolve: ({ on }) => [...on] }),
  }),
});

const DeliveryType = builder.objectRef<DeliveryRow>("Delivery").implement({
  fields: (t) => ({
    id: t.exposeID("id"),
    event: t.field({ type: NoticeEventEnum, resolve: ({ payload }) => payload.event }),
    target: t.exposeString("target", { description: "The name of the configured way." }),
    title: t.string({ resolve: ({ payload }) => payload.title }),
    text: t.string({ resolve: ({ payload }) => payload.text }),
    runId: t.id({ nullable: true, resolve: ({ payload }) => payload.run?.id }),
    scheduleId: t.id({ nullable: true, resolve: ({ payload }) => payload.schedule?.id }),
    store: t.string({ nullable: true, resolve: ({ payload }) => payload.store }),
    status: t.expose("status", { type: DeliveryStatusEnum }),
    attempts: t.exposeInt("attempts"),
    error: t.exposeString("lastError", { nullable: true, description: "Why the last attempt failed." }),
    createdAt: t.expose("createdAt", { type: "DateTime" }),
    finishedAt: t.expose("finishedAt", { type: "DateTime", nullable: true }),
  }),
});

const DeliveryEdgeType = builder.objectRef<Edge<DeliveryRow>>("DeliveryEdge").implement({
  fields: (t) => ({ cursor: t.exposeString("cursor"), node: t.expose("node", { type: DeliveryType }) }),
});

interface DeliveryConnection extends Connection<DeliveryRow> {
  readonly totalCount: number;
}

const DeliveryConnectionType = builder.objectRef<DeliveryConnection>("DeliveryConnection").implement({
  fields: (t) => ({
    edges: t.field({ type: [DeliveryEdgeType], resolve: ({ edges }) => edges }),
    pageInfo: t.expose("pageInfo", { type: PageInfoType }),
    totalCount: t.exposeInt("totalCount"),
  }),
});

const DeliveryFilter = builder.inputType("DeliveryFilter", {
  fields: (t) => ({
    status: t.field({ type: DeliveryStatusEnum }),
    event: t.field({ type: NoticeEventEnum }),
    target: t.string(),
  }),
});

builder.queryField("notifyTargets", (t) =>
  t.field({
    type: [NotifyTargetType],
    requires: ["MANAGE_BACKUPS"],
    resolve: (_, _args, { notifyTargets }) => [...notifyTargets],
  }),
);

builder.queryField("delivery", (t) =>
  t.field({
    type: DeliveryType,
    nullable: true,
    args: { id: t.arg.id({ required: true }) },
    requires: ["MANAGE_BACKUPS"],
    requiresEntities: { access: "READ", of: "result" },
    resolve: (_, { id }, context) => findVisibleDelivery(context, signedIn(context), id),
  }),
);

builder.queryField("deliveries", (t) =>
  t.field({
    type: DeliveryConnectionType,
    description: "What people were told in the last 30 days, and whether it arrived: the newest first.",
    requires: ["MANAGE_BACKUPS"],
    requiresEntities: { access: "READ", of: "result" },
    args: {
      first: t.arg.int({ defaultValue: 20 }),
      after: t.arg.string(),
      filter: t.arg({ type: DeliveryFilter }),
    },
    resolve: async (_, { first, after, filter }, context) => {
      const { nodes, hasNextPage, totalCount } = await listVisibleDeliveries(context, signedIn(context), {
        first: pageSize(first, 20),
        after: runPosition(after),
        status: filter?.status ?? undefined,
        event: filter?.event ?? undefined,
        target: filter?.target ?? undefined,
      });
      return { ...toConnection(nodes, positionCursor, { hasNextPage, after }), totalCount };
    },
  }),
);

builder.mutationField("redeliver", (t) =>
  t.field({
    type: DeliveryType,
    description: "Sends a notice again, at once, whatever became of it; it has the same id.",
    args: { id: t.arg.id({ required: true }) },
    requires: ["MANAGE_BACKUPS"],
    requiresEntities: { access: "READ", of: "result" },
    resolve: (_, { id }, context) => redeliver(context, signedIn(context), id, context.origin),
  }),
);

builder.mutationField("sendTestNotice", (t) =>
  t.field({
    type: DeliveryType,
    description: "Sends a notice that says nothing over one of the configured ways.",
    args: { target: t.arg.string({ required: true }) },
    requires: ["MANAGE_BACKUPS"],
    resolve: (_, { target }, context) => sendTestNotice(context, signedIn(context), target, context.origin),
  }),
);
