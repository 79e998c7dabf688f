// What people were told, for those who look after backups: whether it arrived, once more, and on trial.
import { recordAudit } from "../auth/audit.ts";
import type { Caller } from "../auth/caller.ts";
import type { Origin } from "../auth/context.ts";
import { requirePermissions } from "../auth/permissions.ts";
import { MANAGE_BACKUPS } from "../core/catalog.ts";
import { HoldfastError } from "../core/errors.ts";
import type { Notice } from "../core/notice.ts";
import type { NotifyDeclaration } from "../core/notify-declaration.ts";
import {
  findDelivery,
  insertDeliveries,
  listDeliveries,
  renewDelivery,
  type DeliveryQuery,
  type DeliveryRights,
  type DeliveryRow,
} from "../ledger/deliveries.ts";
import { listSchedules } from "../ledger/schedules.ts";
import { readableEntities } from "./access.ts";
import type { RunDeps } from "./deps.ts";
import { listVisibleSchedules } from "./schedules.ts";
import type { Page } from "./visible.ts";

/** A configured way as clients see it: its address may hold a secret, and is not shown. */
export type NotifyTarget = Pick<NotifyDeclaration, "name" | "kind" | "on">;

export interface DeliveryDeps extends RunDeps {
  readonly notifyTargets: readonly NotifyTarget[];
}

/** One page of the deliveries whose runs and schedules the caller may see. @throws HoldfastError FORBIDDEN without MANAGE_BACKUPS */
export async function listVisibleDeliveries(
  deps: RunDeps,
  caller: Caller,
  query: Omit<DeliveryQuery, keyof DeliveryRights>,
): Promise<Page<DeliveryRow>> {
  const { deliveries, ...page } = await listDeliveries(deps.ledger, {
    ...query,
    ...(await rightsOf(deps, caller)),
  });
  return { ...page, nodes: deliveries };
}

/** @returns undefined also where there is such a delivery, but not for this caller */
export async function findVisibleDelivery(
  deps: RunDeps,
  caller: Caller,
  id: string,
): Promise<DeliveryRow | undefined> {
  return findDelivery(deps.ledger.db, id, await rightsOf(deps, caller));
}

/**
 * Has a notice sent again, whatever became of it: under the same id, by which whoever has it already knows it.
 * @throws HoldfastError FORBIDDEN without MANAGE_BACKUPS; NOT_FOUND; BAD_INPUT where its way is configured no more
 */
export async function redeliver(
  deps: DeliveryDeps,
  caller: Caller,
  id: string,
  origin: Origin = {},
): Promise<DeliveryRow> {
  const rights = await rightsOf(deps, caller);
  const delivery = await deps.ledger.db.transaction(async (tx) => {
    const found = await findDelivery(tx, id, rights);
    if (found === undefined) throw new HoldfastError("NOT_FOUND", `There is no delivery ${id}.`);
    requireTarget(deps, found.target);
    const renewed = await renewDelivery(tx, id);
    await recordAudit(tx, {
      actor: caller.username,
      action: "delivery.repeated",
      target: `delivery:${id}`,
      address: origin.address,
      details: { event: found.event, to: found.target },
    });
    return renewed;
  });
  await hasten(deps, id);
  return delivery;
}

/**
 * Sends a notice that says nothing, over one of the ways, whatever that is configured for.
 * @throws HoldfastError FORBIDDEN without MANAGE_BACKUPS; BAD_INPUT for a way that is not configured
 */
export async function sendTestNotice(
  deps: DeliveryDeps,
  caller: Caller,
  target: string,
  origin: Origin = {},
): Promise<DeliveryRow> {
  const rights = await rightsOf(deps, caller);
  requireTarget(deps, target);
  const notice: Notice = {
    event: "test",
    at: new Date().toISOString(),
    title: "A test of Holdfast's notices",
    text: `${caller.username} wanted to know whether notices arrive. Nothing has happened.`,
    ...{ schedule: null, run: null, store: null },
  };
  const delivery = await deps.ledger.db.transaction(async (tx) => {
    const [id = ""] = await insertDeliveries(tx, notice, [target]);
    await recordAudit(tx, {
      actor: caller.username,
      action: "delivery.tested",
      target: `delivery:${id}`,
      address: origin.address,
      details: { to: target },
    });
    return findDelivery(tx, id, rights);
  });
  if (delivery === undefined) throw new Error("a row that was inserted is not there");
  await hasten(deps, delivery.id);
  return delivery;
}

function requireTarget({ notifyTargets }: DeliveryDeps, target: string): void {
  if (notifyTargets.some(({ name }) => name === target)) return;
  throw new HoldfastError("BAD_INPUT", `No way ${target} to tell people is configured.`, {
    hint:
      notifyTargets.length === 0
        ? "`notify` in the configuration file names them, and there is none."
        : `There are ${notifyTargets.map(({ name }) => name).join(", ")}.`,
  });
}

async function rightsOf(deps: RunDeps, caller: Caller): Promise<DeliveryRights> {
  requirePermissions(caller, [MANAGE_BACKUPS]);
  const visible = new Set((await listVisibleSchedules(deps, caller)).map(({ id }) => id));
  const all = await listSchedules(deps.ledger.db);
  return {
    readable: readableEntities(deps.catalog, caller),
    hiddenSchedules: all.map(({ id }) => id).filter((id) => !visible.has(id)),
  };
}

/** What cannot be queued now is, by whoever looks after that, within a minute. */
async function hasten({ queue, log }: RunDeps, id: string): Promise<void> {
  await queue.deliveries.hasten(id).catch((error: unknown) => {
    log.warn({ err: error, delivery: id }, "a delivery could not be queued yet");
  });
}
