// What the server is built from. Its opener hands these in, and closes them after the server.
import type { ContextDeps } from "../../schema/context.ts";
import type { TransferDeps } from "../transfer/deps.ts";

export interface ServerDeps extends Omit<ContextDeps, "keeping">, TransferDeps {
  /** What must answer before the server is ready, by name: "database", "queue". */
  readonly readiness: Readonly<Record<string, () => Promise<unknown>>>;
  /** Of the stores that backups go to by themselves one must answer; the others are told of. Left out: there are none. */
  readonly storeReadiness?: readonly StoreReadiness[];
  /** Uploads are kept here while they are looked at; made when it is first needed. */
  readonly spoolDirectory: string;
}

export interface StoreReadiness {
  readonly name: string;
  readonly isDefault: boolean;
  readonly check: () => Promise<unknown>;
}
