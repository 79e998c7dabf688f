// Forgets a token that was kept.
import { readEnvironment } from "../../config/environment.ts";
import { HoldfastError } from "../../core/errors.ts";
import { namedServer, onlyServer } from "../client/connection.ts";
import { credentialsFile, forgetLogin, readLogins } from "../client/credentials.ts";
import { printResult } from "../report.ts";

export interface LogoutOptions {
  readonly server?: string;
  readonly json?: boolean;
}

/** @throws HoldfastError NOT_FOUND where none is kept; UsageError where it is not clear of which server */
export async function runLogout(options: LogoutOptions): Promise<void> {
  const environment = readEnvironment(process.env);
  const server = namedServer(options, environment) ?? (await onlyServer(environment));
  const file = credentialsFile(environment.configHome);
  if (!(await readLogins(file)).has(server)) {
    throw new HoldfastError("NOT_FOUND", `No token is kept for ${server}.`, {
      hint: `${file} holds those that are.`,
    });
  }
  await forgetLogin(file, server);
  printResult(options, { server, file }, () => `The token for ${server} is forgotten.`);
}
