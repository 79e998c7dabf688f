// What the server is built from. Its opener hands these in, and closes them after the server.
import type { ContextDeps } from "../../schema/context.ts";

export interface ServerDeps extends ContextDeps {
  /** What must answer before the server is ready, by name: "database", "queue", "store local". */
  readonly readiness: Readonly<Record<string, () => Promise<unknown>>>;
}
