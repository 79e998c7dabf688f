// Holdfast's own record of who did what: rows of platform.audit_logs, beside those of the platform's other programs.
import { isIP } from "node:net";
import { desc, lt, sql } from "drizzle-orm";
import type { PostgresJsDatabase } from "drizzle-orm/postgres-js";
import { HoldfastError } from "../core/errors.ts";
import { auditLogs } from "../platform/tables.ts";

/** The ledger's `db`, or a transaction of it. */
export type Database = Pick<PostgresJsDatabase, "select" | "insert" | "update" | "delete" | "execute">;

export interface AuditRecord {
  /** The account's name; null: Holdfast itself, or nobody that is known. */
  readonly actor: string | null;
  /** What was done, as `noun.past-participle`: `token.created`. */
  readonly action: string;
  /** What it was done to, as `noun:name-or-id`. */
  readonly target?: string | null | undefined;
  /** Where it came from; what is not an address is left out. */
  readonly address?: string | null | undefined;
  /** Never a secret. */
  readonly details?: Readonly<Record<string, unknown>> | undefined;
}

/** For so long an act waits to be written down. */
const LOCK_TIMEOUT = "10s";

/** Give the transaction of the act itself, so that neither is there without the other. */
export async function recordAudit(db: Database, record: AuditRecord): Promise<void> {
  const { actor, action, target, address, details } = record;
  const ip = typeof address === "string" && isIP(address) !== 0 && !address.includes("%") ? address : null;
  // A restore of the log keeps everybody from writing to it: nobody waits for that without end. Sent in this order, and answered together.
  await Promise.all([
    db.execute(sql`select set_config('lock_timeout', ${LOCK_TIMEOUT}, true)`),
    db.insert(auditLogs).values({ actor, action, target: target ?? null, ip, details: details ?? null }),
  ]);
}

export interface AuditEntry {
  readonly id: string;
  readonly at: Date;
  readonly actor: string | null;
  readonly action: string;
  readonly target: string | null;
  /** JSON, as text. */
  readonly details: string | null;
}

export interface AuditPage {
  /** The newest first, by id. */
  readonly entries: AuditEntry[];
  readonly hasNextPage: boolean;
}

/**
 * A page of the audit log, however far back, at the cost of a page.
 * @param query.after the id of the entry that the page follows; left out: the newest
 * @throws HoldfastError BAD_INPUT when `after` is no id
 */
export async function listAudit(
  db: Database,
  query: { readonly first: number; readonly after?: string | undefined },
): Promise<AuditPage> {
  const { first, after } = query;
  if (after !== undefined && !isAuditId(after))
    throw new HoldfastError("BAD_INPUT", "after: not a cursor of the audit log.");
  const rows = await db
    .select({
      id: auditLogs.id,
      at: auditLogs.at,
      actor: auditLogs.actor,
      action: auditLogs.action,
      target: auditLogs.target,
      details: sql<string | null>`${auditLogs.details}::text`,
    })
    .from(auditLogs)
    .where(after === undefined ? undefined : lt(auditLogs.id, BigInt(after)))
    .orderBy(desc(auditLogs.id))
    .limit(first + 1);
  return {
    entries: rows.slice(0, first).map((row) => ({ ...row, id: String(row.id) })),
    hasNextPage: rows.length > first,
  };
}

function isAuditId(text: string): boolean {
  return /^\d{1,19}$/.test(text) && BigInt(text) < 2n ** 63n;
}
