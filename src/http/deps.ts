// What the server is built from. Its opener hands these in, and closes them after the server.
import type { ContextDeps } from "../../schema/context.ts";
import type { TransferDeps } from "../transfer/deps.ts";

export interface ServerDeps extends Omit<ContextDeps, "keeping">, TransferDeps {
  /** What must answer before the server is ready, by name: "database", "queue", "store local". */
  readonly readiness: Readonly<Record<string, () => Promise<unknown>>>;
  /** Uploads are kept here while they are looked at; made when it is first needed. */
  readonly spoolDirectory: string;
}
