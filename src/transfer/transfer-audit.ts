// The audit log's entries of one transfer: that it began, before anything of it happens, and how it ended.
import { recordAudit } from "../auth/audit.ts";
import type { Caller } from "../auth/caller.ts";
import type { Origin } from "../auth/context.ts";
import { isHoldfastError } from "../core/errors.ts";
import type { TransferDeps } from "./deps.ts";

export interface TransferAudit {
  /** @param action what has come of it, as a past participle: `applied` */
  succeeded(action: string, details: Readonly<Record<string, unknown>>): Promise<void>;
  failed(error: unknown): Promise<void>;
}

export interface TransferSubject {
  readonly noun: "backup" | "restore";
  readonly id: string;
  readonly caller: Caller;
  readonly origin: Origin;
}

/**
 * Records `backup.started` (or `restore.started`). What is recorded of its end is logged where it cannot be recorded: the
 * act is done, and that is what its client is to be told.
 */
export async function auditTransfer(
  { ledger, log }: TransferDeps,
  { noun, id, caller, origin }: TransferSubject,
  details: Readonly<Record<string, unknown>>,
): Promise<TransferAudit> {
  const record = async (action: string, details: Readonly<Record<string, unknown>>): Promise<void> =>
    recordAudit(ledger.db, {
      actor: caller.username,
      action: `${noun}.${action}`,
      target: `${noun}:${id}`,
      address: origin.address,
      details,
    });
  const recordEnd = async (action: string, details: Readonly<Record<string, unknown>>): Promise<void> => {
    await record(action, details).catch((error: unknown) => {
      log.error(
        { err: error, action: `${noun}.${action}`, [noun]: id },
        "the audit log could not be written",
      );
    });
  };
  await record("started", details);
  return {
    succeeded: recordEnd,
    failed: (error) => recordEnd("failed", { code: isHoldfastError(error) ? error.code : "INTERNAL" }),
  };
}
