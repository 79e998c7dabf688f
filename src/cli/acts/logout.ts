// Ends a session whose token was kept, and forgets the token.
import { readEnvironment } from "../../config/environment.ts";
import { HoldfastError, isHoldfastError } from "../../core/errors.ts";
import { namedServer, onlyServer } from "../client/connection.ts";
import { credentialsFile, forgetLogin, readLogins } from "../client/credentials.ts";
import { createGraphqlClient } from "../client/graphql-client.ts";
import { LOGOUT } from "../client/operations.ts";
import { warn } from "../failure.ts";
import { printResult } from "../report.ts";

export interface LogoutOptions {
  readonly server?: string;
  readonly json?: boolean;
}

/** @throws HoldfastError NOT_FOUND where none is kept; UsageError where it is not clear of which server */
export async function runLogout(options: LogoutOptions, signal: AbortSignal): Promise<void> {
  const environment = readEnvironment(process.env);
  const server = namedServer(options, environment) ?? (await onlyServer(environment));
  const file = credentialsFile(environment.configHome);
  const login = (await readLogins(file)).get(server);
  if (login === undefined) {
    throw new HoldfastError("NOT_FOUND", `No token is kept for ${server}.`, {
      hint: `${file} holds those that are.`,
    });
  }
  await forgetLogin(file, server);
  await endSession(server, login.token, signal);
  printResult(options, { server, file }, () => `The token for ${server} is forgotten.`);
}

/** Whoever has a copy of the token can use it until then. A server that is out of reach keeps nobody from forgetting it. */
async function endSession(server: string, token: string, signal: AbortSignal): Promise<void> {
  try {
    await createGraphqlClient({ server, token, signal }).execute(LOGOUT, {});
  } catch (error) {
    // It has ended already.
    if (isHoldfastError(error, "UNAUTHENTICATED")) return;
    if (!isHoldfastError(error)) throw error;
    warn(`The session could not be ended at the server, and ends by itself: ${error.message}`);
  }
}
