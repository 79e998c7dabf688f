// What people ask of the server during a round, and the keys that they have.
import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { generateIdentity } from "../../src/codec/age.ts";
import { openApi, type Api } from "./api.ts";
import type { BackupPlan, RestorePlan, VerificationPlan } from "./plan.ts";
import type { Rig } from "./rig.ts";

export type Encryption = BackupPlan["encryption"];

export interface Operator {
  /** @returns the run's id */
  startBackup(plan: Omit<BackupPlan, "atMs" | "cancelAtMs">, patience: AbortSignal): Promise<string>;
  startRestore(plan: RestorePlan, base: Base, patience: AbortSignal): Promise<string>;
  startVerification(
    backupId: string,
    level: VerificationPlan["level"],
    encryption: Encryption,
    patience: AbortSignal,
  ): Promise<string>;
  /** Succeeds also for a run that has ended. */
  cancel(runId: string, patience: AbortSignal): Promise<void>;
  deleteBackup(backupId: string, patience: AbortSignal): Promise<void>;
  unlock(encryption: Encryption): { passphrase?: string; identity?: string } | undefined;
}

/** A backup of the first state, which restores are made from. */
export interface Base {
  readonly backupId: string;
  readonly encryption: Encryption;
}

export async function signIn(rig: Rig, patience: AbortSignal): Promise<Operator> {
  const { login } = await openApi(rig.apiUrl).ask<{ login: { token: string } }>(
    `mutation ($password: String!) { login(username: "admin", password: $password) { token } }`,
    { password: rig.adminPassword },
    patience,
  );
  const { identity, recipient } = await generateIdentity();
  const passphrase = `passphrase ${randomUUID()}`;
  const api: Api = openApi(rig.apiUrl, login.token);
  const unlock = (encryption: Encryption) =>
    encryption === "NONE" ? undefined : encryption === "PASSPHRASE" ? { passphrase } : { identity };
  return {
    unlock,
    async startBackup({ entities, stores, encryption }, patience) {
      const { startBackup } = await api.ask<{ startBackup: { id: string } }>(
        `mutation ($input: StartBackupInput!) { startBackup(input: $input) { id } }`,
        {
          input: {
            entities,
            stores,
            encryption:
              encryption === "NONE"
                ? null
                : encryption === "PASSPHRASE"
                  ? { passphrase }
                  : { recipients: [recipient] },
            idempotencyKey: randomUUID(),
          },
        },
        patience,
      );
      return startBackup.id;
    },
    async startRestore({ mode, withArchive }, base, patience) {
      const { startRestore } = await api.ask<{ startRestore: { id: string } }>(
        `mutation ($input: StartRestoreInput!) { startRestore(input: $input) { id } }`,
        {
          input: {
            backupId: base.backupId,
            entities: withArchive ? ["PRODUCTS", "ENTRIES"] : ["PRODUCTS"],
            mode,
            unlock: unlock(base.encryption),
            idempotencyKey: randomUUID(),
          },
        },
        patience,
      );
      return startRestore.id;
    },
    async startVerification(backupId, level, encryption, patience) {
      const { startVerification } = await api.ask<{ startVerification: { id: string } }>(
        `mutation ($input: StartVerificationInput!) { startVerification(input: $input) { id } }`,
        { input: { backupId, level, unlock: level === "STORED" ? undefined : unlock(encryption) } },
        patience,
      );
      return startVerification.id;
    },
    async cancel(runId, patience) {
      await api
        .ask(`mutation ($id: ID!) { cancelRun(id: $id) { id } }`, { id: runId }, patience)
        .catch((error: unknown) => {
          if (!String(error).includes("ALREADY_FINISHED")) throw error;
        });
    },
    async deleteBackup(backupId, patience) {
      // One that is being read is not deleted: then a little later.
      for (;;) {
        try {
          await api.ask(`mutation ($id: ID!) { deleteBackup(id: $id) { id } }`, { id: backupId }, patience);
          return;
        } catch (error) {
          patience.throwIfAborted();
          if (!String(error).includes("IN_USE")) throw error;
          await delay(500);
        }
      }
    },
  };
}
