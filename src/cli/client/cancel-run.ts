// Cancels what a command has started when the command itself is interrupted.
import { isHoldfastError } from "../../core/errors.ts";
import { warn } from "../failure.ts";
import type { Connection } from "./connection.ts";
import { createGraphqlClient } from "./graphql-client.ts";
import { CANCEL_RUN } from "./listings.ts";

/** The interrupted command has a signal no more; this is how long it still waits. */
const TIMEOUT_MS = 10_000;

/** Never throws: what interrupted the command is what its user is told. */
export async function cancelRun(connection: Connection, id: string): Promise<void> {
  const client = createGraphqlClient({ ...connection, signal: AbortSignal.timeout(TIMEOUT_MS) });
  try {
    await client.execute(CANCEL_RUN, { id });
  } catch (error) {
    if (isHoldfastError(error, "ALREADY_FINISHED")) return;
    warn(
      `the server could not be told to cancel ${id}: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}
