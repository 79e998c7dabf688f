// What people are to be told, and what became of it: one row for each notice and way.
import { and, arrayContained, asc, count, desc, eq, isNull, lt, notInArray, or, sql } from "drizzle-orm";
import type { Notice } from "../core/notice.ts";
import type { Ledger } from "./connect.ts";
import { isRunId } from "./run-row.ts";
import { olderThan, textArray, type RunPosition } from "./runs.ts";
import { deliveries, runs } from "./tables.ts";

type Transaction = Pick<Ledger["db"], "select" | "insert" | "update" | "delete">;

export type DeliveryRow = typeof deliveries.$inferSelect;
export type DeliveryStatus = DeliveryRow["status"];

/** @returns the deliveries' ids, one for each way */
export async function insertDeliveries(
  tx: Transaction,
  notice: Notice,
  targets: readonly string[],
): Promise<string[]> {
  if (targets.length === 0) return [];
  const rows = await tx
    .insert(deliveries)
    .values(targets.map((target) => ({ event: notice.event, target, payload: notice })))
    .returning({ id: deliveries.id });
  return rows.map(({ id }) => id);
}

/** @returns undefined once it was delivered or given up */
export async function findPendingDelivery(ledger: Ledger, id: string): Promise<DeliveryRow | undefined> {
  if (!isRunId(id)) return undefined;
  const [row] = await ledger.db
    .select()
    .from(deliveries)
    .where(and(eq(deliveries.id, id), eq(deliveries.status, "PENDING")));
  return row;
}

/** The oldest first, at most 200. */
export async function listPendingDeliveries(ledger: Ledger): Promise<string[]> {
  const rows = await ledger.db
    .select({ id: deliveries.id })
    .from(deliveries)
    .where(eq(deliveries.status, "PENDING"))
    .orderBy(asc(deliveries.createdAt))
    .limit(200);
  return rows.map(({ id }) => id);
}

export async function recordDelivered(ledger: Ledger, id: string): Promise<void> {
  await ledger.db
    .update(deliveries)
    .set({
      status: "DELIVERED",
      attempts: sql`${deliveries.attempts} + 1`,
      finishedAt: sql`now()`,
      lastError: null,
    })
    .where(eq(deliveries.id, id));
}

/** @param last whether it is given up */
export async function recordUndelivered(
  ledger: Ledger,
  id: string,
  error: string,
  last: boolean,
): Promise<void> {
  await ledger.db
    .update(deliveries)
    .set({
      attempts: sql`${deliveries.attempts} + 1`,
      lastError: error,
      ...(last && { status: "FAILED", finishedAt: sql`now()` }),
    })
    .where(and(eq(deliveries.id, id), eq(deliveries.status, "PENDING")));
}

/** How long what became of deliveries is kept. */
const KEPT = sql`interval '30 days'`;

export async function forgetOldDeliveries(ledger: Ledger): Promise<void> {
  await ledger.db.delete(deliveries).where(lt(deliveries.finishedAt, sql`now() - ${KEPT}`));
}

/** What of the list somebody may see. */
export interface DeliveryRights {
  /** The entities that he may read: a notice of a run that holds any other is not there for him. */
  readonly readable: readonly string[];
  /** The schedules that he may not see; their notices neither. */
  readonly hiddenSchedules: readonly string[];
}

export interface DeliveryQuery extends DeliveryRights {
  readonly status?: DeliveryStatus | undefined;
  readonly event?: string | undefined;
  readonly target?: string | undefined;
  readonly after?: RunPosition | undefined;
  /** The page's size. */
  readonly first: number;
}

export interface DeliveryPage {
  /** The newest first. */
  readonly deliveries: DeliveryRow[];
  readonly hasNextPage: boolean;
  /** Over all pages. */
  readonly totalCount: number;
}

/** One page of the deliveries that match, and how many match in all. */
export async function listDeliveries(ledger: Ledger, query: DeliveryQuery): Promise<DeliveryPage> {
  const { status, event, target, after, first } = query;
  const matches = and(
    isVisible(query),
    status === undefined ? undefined : eq(deliveries.status, status),
    event === undefined ? undefined : eq(deliveries.event, event),
    target === undefined ? undefined : eq(deliveries.target, target),
  );
  const page = ledger.db
    .select({ delivery: deliveries })
    .from(deliveries)
    .leftJoin(runs, IS_OF_RUN)
    .where(and(matches, after === undefined ? undefined : olderThan(deliveries, after)))
    .orderBy(desc(deliveries.createdAt), desc(deliveries.id))
    .limit(first + 1);
  const total = ledger.db
    .select({ count: count() })
    .from(deliveries)
    .leftJoin(runs, IS_OF_RUN)
    .where(matches);
  const [rows, [counted]] = await Promise.all([page, total]);
  return {
    deliveries: rows.slice(0, first).map(({ delivery }) => delivery),
    hasNextPage: rows.length > first,
    totalCount: counted?.count ?? 0,
  };
}

/** @returns undefined also for an id that is no UUID, and for a delivery that is not to be seen with these rights */
export async function findDelivery(
  db: Transaction,
  id: string,
  rights: DeliveryRights,
): Promise<DeliveryRow | undefined> {
  if (!isRunId(id)) return undefined;
  const [row] = await db
    .select({ delivery: deliveries })
    .from(deliveries)
    .leftJoin(runs, IS_OF_RUN)
    .where(and(eq(deliveries.id, id), isVisible(rights)));
  return row?.delivery;
}

/** It is to be delivered again, whatever became of it; its attempts go on being counted. */
export async function renewDelivery(db: Transaction, id: string): Promise<DeliveryRow> {
  const [row] = await db
    .update(deliveries)
    .set({ status: "PENDING", finishedAt: null })
    .where(eq(deliveries.id, id))
    .returning();
  if (row === undefined) throw new Error("a delivery that was found is gone");
  return row;
}

const IS_OF_RUN = eq(runs.id, sql`(${deliveries.payload} -> 'run' ->> 'id')::uuid`);

function isVisible({ readable, hiddenSchedules }: DeliveryRights) {
  const scheduleId = sql`${deliveries.payload} -> 'schedule' ->> 'id'`;
  return and(
    or(isNull(runs.id), arrayContained(runs.entities, textArray(readable))),
    hiddenSchedules.length === 0
      ? undefined
      : or(isNull(scheduleId), notInArray(scheduleId, [...hiddenSchedules])),
  );
}
