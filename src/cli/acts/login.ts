// Signs in at a server and keeps the token.
import { readEnvironment } from "../../config/environment.ts";
import { namedServer } from "../client/connection.ts";
import { credentialsFile, keepLogin } from "../client/credentials.ts";
import { createGraphqlClient } from "../client/graphql-client.ts";
import { LOGIN } from "../client/operations.ts";
import { UsageError, warn } from "../failure.ts";
import { printResult } from "../report.ts";
import { readSecretFile } from "../terminal/passphrase.ts";
import { askLine, askSecret } from "../terminal/prompt.ts";

export interface LoginOptions {
  readonly server?: string;
  readonly username?: string;
  readonly passwordFile?: string;
  readonly json?: boolean;
}

/** @throws HoldfastError BAD_CREDENTIALS, TOO_MANY_ATTEMPTS, SERVER_UNREACHABLE; UsageError where nobody can be asked */
export async function runLogin(options: LoginOptions, signal: AbortSignal): Promise<void> {
  const environment = readEnvironment(process.env);
  const server = namedServer(options, environment);
  if (server === undefined)
    throw new UsageError("No server is named.", "Name one with --server URL or HOLDFAST_SERVER.");
  warnOfPlainHttp(server);
  const username = options.username ?? answered(await askLine("User name:", signal), "--username");
  const password =
    options.passwordFile === undefined
      ? answered(await askSecret("Password:", signal), "--password-file")
      : await readSecretFile(options.passwordFile, "password");

  const { login } = await createGraphqlClient({ server, signal }).execute(LOGIN, { username, password });
  const file = credentialsFile(environment.configHome);
  await keepLogin(file, server, { ...login, username });
  printResult(
    options,
    { server, username, expiresAt: login.expiresAt, file },
    () => `Signed in at ${server} as ${username}, until ${login.expiresAt}.`,
  );
}

function answered(answer: string | undefined, option: string): string {
  if (answer !== undefined) return answer;
  throw new UsageError("There is no terminal to ask at.", `Give ${option}.`);
}

const LOOPBACK = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

/** The password is about to be sent. */
function warnOfPlainHttp(server: string): void {
  const { protocol, hostname } = new URL(server);
  if (protocol === "http:" && !LOOPBACK.test(hostname))
    warn(`${server} is not encrypted: others on the way can read the password.`);
}
