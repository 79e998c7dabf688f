// Which server a command works through, and with which token: what the options say, else the environment, else what
// `holdfast login` kept.
import type { Environment } from "../../config/environment.ts";
import { HoldfastError } from "../../core/errors.ts";
import { UsageError } from "../failure.ts";
import { credentialsFile, readLogins, type Login } from "./credentials.ts";
import type { ServerOptions } from "../server-options.ts";
import { parseServer } from "./server-url.ts";

export interface Connection {
  /** Without a slash at the end. */
  readonly server: string;
  readonly token: string;
}

/**
 * For commands that need no server: undefined where none is named.
 * @throws UsageError for a token without a server; as {@link requireConnection}
 */
export async function chooseConnection(
  options: ServerOptions,
  environment: Environment,
): Promise<Connection | undefined> {
  if (options.direct === true) {
    if (options.server === undefined && options.token === undefined) return undefined;
    throw new UsageError("--direct and a server are given.", "Leave out --direct, or --server and --token.");
  }
  const server = namedServer(options, environment);
  if (server !== undefined) return connectTo(server, options, environment);
  if (options.token !== undefined)
    throw new UsageError("--token is given without --server.", "Name the server: --server URL.");
  return undefined;
}

/**
 * For commands about what is kept: the server that is named, else the only one that `holdfast login` knows; undefined where
 * there is none, or `--direct` is given: then it is the database itself that is worked on.
 * @throws UsageError where it is not clear which server; as {@link requireConnection}
 */
export async function connectionToAsk(
  options: ServerOptions,
  environment: Environment,
): Promise<Connection | undefined> {
  const chosen = await chooseConnection(options, environment);
  if (chosen !== undefined || options.direct === true) return chosen;
  const logins = await readLogins(credentialsFile(environment.configHome));
  return logins.size === 0 ? undefined : connectTo(await onlyServer(environment), options, environment);
}

/**
 * For commands that ask a server: where none is named, the only one that `holdfast login` knows.
 * @throws UsageError where it is not clear which; HoldfastError UNAUTHENTICATED without a token that can be valid
 */
export async function requireConnection(
  options: ServerOptions,
  environment: Environment,
): Promise<Connection> {
  const named = namedServer(options, environment);
  if (named !== undefined) return connectTo(named, options, environment);
  return connectTo(await onlyServer(environment), options, environment);
}

/** The server that the options or the environment name. */
export function namedServer({ server }: ServerOptions, environment: Environment): string | undefined {
  return server ?? (environment.server === undefined ? undefined : parseServer(environment.server));
}

/** The one server that there is a login for. @throws UsageError where there is none, or more than one */
export async function onlyServer({ configHome }: Environment): Promise<string> {
  const [first, ...others] = (await readLogins(credentialsFile(configHome))).keys();
  if (first !== undefined && others.length === 0) return first;
  throw new UsageError(
    first === undefined ? "No server is named." : "There are logins at more than one server.",
    "Name one with --server URL or HOLDFAST_SERVER.",
  );
}

async function connectTo(
  server: string,
  options: ServerOptions,
  environment: Environment,
): Promise<Connection> {
  const given = options.token ?? environment.token;
  if (given !== undefined) return { server, token: given };
  const login = (await readLogins(credentialsFile(environment.configHome))).get(server);
  return { server, token: tokenOf(login, server) };
}

function tokenOf(login: Login | undefined, server: string): string {
  if (login !== undefined && Date.parse(login.expiresAt) > Date.now()) return login.token;
  throw new HoldfastError(
    "UNAUTHENTICATED",
    login === undefined
      ? `There is no token for ${server}.`
      : `The sign-in at ${server} ended at ${login.expiresAt}.`,
    { hint: `Sign in with holdfast login --server ${server}, or set HOLDFAST_TOKEN.` },
  );
}
