// Starts PostgreSQL on a port that is free: PostgreSQL cannot choose one itself.
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { HoldfastError } from "../core/errors.ts";
import { type Postmaster, startPostmaster, type StartOptions, StartFailure } from "./postmaster.ts";

const ATTEMPTS = 10;
/** Another program took the port after it was found free; the sessions of a server that was killed have not all ended. */
const PASSING = /Address already in use|pre-existing shared memory block/;

/**
 * @param choosePort where the port comes from; each attempt asks anew
 * @throws HoldfastError EMBEDDED_FAILED with PostgreSQL's own words when it does not start.
 */
export async function startOnFreePort(
  options: Omit<StartOptions, "port">,
  choosePort: () => Promise<number> = findFreePort,
): Promise<{ port: number; postmaster: Postmaster }> {
  for (let attempt = 1; ; attempt += 1) {
    const port = await choosePort();
    try {
      return { port, postmaster: await startPostmaster({ ...options, port }) };
    } catch (error) {
      if (!(error instanceof StartFailure)) throw error;
      if (attempt === ATTEMPTS || !PASSING.test(error.message))
        throw new HoldfastError("EMBEDDED_FAILED", `PostgreSQL did not start:\n${error.message}`);
      await sleep(attempt * 50);
    }
  }
}

/** A port of the loopback address that nobody has at this moment. */
export function findFreePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject).listen(0, "127.0.0.1", () => {
      const address = server.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}
