// Reads a connection URL as libpq does, for whichever driver: where the server is, how the way there is secured, who comes in.
import { readFileSync } from "node:fs";
import type { ConnectionOptions } from "node:tls";
import { HoldfastError } from "../core/errors.ts";
import { parsePostgresUrl } from "../core/postgres-url.ts";
import type { Endpoint, TlsSettings } from "./dial.ts";

const DEFAULT_PORT = 5432;

export interface ConnectionTarget {
  readonly endpoint: Endpoint;
  readonly tls: TlsSettings;
  /** By the names that both drivers have for them; what is empty is for them to find. */
  readonly account: { readonly user: string; readonly password: string; readonly database: string };
  /** The server's, for each session: by name. */
  readonly settings: Readonly<Record<string, string>>;
}

/**
 * What is read here, and what means something to libpq alone: the server would refuse either as a setting that it does not know. It is
 * left to do so with what is meant to keep a connection from being made, as `sslcrl` is.
 */
const CLIENT_PARAMETERS = new Set([
  ...["host", "port", "user", "password", "dbname"],
  ...["sslmode", "ssl", "sslnegotiation", "sslrootcert", "sslcert", "sslkey"],
  ...["channel_binding", "connect_timeout", "fallback_application_name", "gssencmode", "keepalives"],
  ...["keepalives_count", "keepalives_idle", "keepalives_interval", "load_balance_hosts", "sslcompression"],
  ...["sslsni", "target_session_attrs", "tcp_user_timeout"],
]);

/**
 * @param name the database's name in the configuration; messages use it in place of the URL, which holds a password
 * @throws CONFIG_INVALID when it is not a PostgreSQL URL, names several hosts, or a certificate cannot be read
 */
export function readConnectionUrl(name: string, text: string): ConnectionTarget {
  const invalid = (fault: string): HoldfastError =>
    new HoldfastError("CONFIG_INVALID", `The URL of the database ${name} ${fault}.`);
  const hosts = /^[a-z]+:\/\/(?:[^@/?]*@)?([^/?]*)/i.exec(text)?.[1] ?? "";
  if (hosts.includes(",")) throw invalid("names several hosts; name one");
  const url = parsePostgresUrl(text);
  if (url === null) throw invalid("is not of the form postgres://user:password@host:port/database");
  if ([url.username, url.password, url.hostname, url.pathname].some((text) => !isDecodable(text)))
    throw invalid("has a % that begins no percent-encoding; a % itself is written %25");
  const { searchParams: parameters } = url;
  return {
    endpoint: readEndpoint(url),
    tls: readTlsSettings(parameters, invalid),
    account: {
      user: parameters.get("user") ?? decodeURIComponent(url.username),
      password: parameters.get("password") ?? decodeURIComponent(url.password),
      database: parameters.get("dbname") ?? decodeURIComponent(url.pathname.slice(1)),
    },
    settings: Object.fromEntries([...parameters].filter(([name]) => !CLIENT_PARAMETERS.has(name))),
  };
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

/** A unix socket's directory stands in the URL percent-encoded, or as `?host=`. */
function readEndpoint(url: URL): Endpoint {
  const host = url.searchParams.get("host") ?? decodeURIComponent(url.hostname);
  const port = Number(url.searchParams.get("port") ?? url.port) || DEFAULT_PORT;
  if (host.startsWith("/")) return { path: `${host}/.s.PGSQL.${port}` };
  return { host: host === "" ? "localhost" : host.replace(/^\[(.*)\]$/, "$1"), port };
}

/** `verify-ca` checks the chain, `verify-full` the name too; `require` takes any certificate, unless a root is given, as libpq does. */
function readTlsSettings(
  parameters: URLSearchParams,
  invalid: (fault: string) => HoldfastError,
): TlsSettings {
  const root = parameters.get("sslrootcert");
  const sslmode =
    root === "system" ? "verify-full" : (parameters.get("sslmode") ?? parameters.get("ssl") ?? "disable");
  const file = (parameter: string): Buffer | undefined => {
    const path = parameters.get(parameter);
    if (path === null || path === "system") return undefined;
    try {
      return readFileSync(path);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw invalid(`names in ${parameter} a file that cannot be read (${reason})`);
    }
  };
  const given = { ca: file("sslrootcert"), cert: file("sslcert"), key: file("sslkey") };
  const certificates: ConnectionOptions = Object.fromEntries(
    Object.entries(given).filter(([, bytes]) => bytes !== undefined),
  );
  const direct = parameters.get("sslnegotiation") === "direct";
  const settings = (mode: TlsSettings["mode"], options: ConnectionOptions): TlsSettings => ({
    mode,
    direct,
    options: { ...certificates, ...options },
  });
  switch (sslmode) {
    case "disable":
    case "false":
      return settings("NEVER", {});
    case "allow":
    case "prefer":
      return settings("PREFER", { rejectUnauthorized: false });
    case "require":
      return root === null
        ? settings("ALWAYS", { rejectUnauthorized: false })
        : settings("ALWAYS", { checkServerIdentity: () => undefined });
    case "verify-ca":
      return settings("ALWAYS", { checkServerIdentity: () => undefined });
    case "verify-full":
    case "true":
      return settings("ALWAYS", {});
    default:
      throw invalid(`has the unknown sslmode ${sslmode}`);
  }
}
