// The one place that chooses where backups and restores are carried out: on a database, or through a server.
import { readConfiguration } from "../../config/configuration.ts";
import type { Environment } from "../../config/environment.ts";
import type { Connection } from "../client/connection.ts";
import type { Backend } from "./backend.ts";
import { findSigner } from "../signatures.ts";
import { openDirectBackend } from "./direct.ts";
import { openServerBackend } from "./server.ts";

/**
 * Opens the server that is named, else the databases that the environment and the configuration file name; its user disposes of it.
 * @param connection undefined: no server is to be asked
 * @throws HoldfastError CONFIG_INVALID, EMBEDDED_IN_USE, NOT_FOUND, DATABASE_UNREACHABLE, ...
 */
export async function openBackend(
  connection: Connection | undefined,
  environment: Environment,
  act: "backup" | "restore",
): Promise<Backend> {
  if (connection !== undefined) return openServerBackend(connection);
  const configuration = await readConfiguration(environment);
  const signer = await findSigner(environment);
  return openDirectBackend(environment, { act, audited: true, configuration, signer });
}
