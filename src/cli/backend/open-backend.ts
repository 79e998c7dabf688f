// The one place that chooses where backups and restores are carried out: on a database, or through a server.
import type { Environment } from "../../config/environment.ts";
import { UsageError } from "../failure.ts";
import type { Backend } from "./backend.ts";
import { openDirectBackend } from "./direct.ts";

/**
 * Opens what the environment names; its user disposes of it.
 * @throws HoldfastError EMBEDDED_IN_USE, NOT_FOUND, DATABASE_UNREACHABLE, ...
 */
export async function openBackend(environment: Environment, act: "backup" | "restore"): Promise<Backend> {
  if (environment.server !== undefined) {
    throw new UsageError(
      "HOLDFAST_SERVER is set, and this command works on the database directly.",
      "Unset HOLDFAST_SERVER.",
    );
  }
  return openDirectBackend(environment, { act, audited: true });
}
