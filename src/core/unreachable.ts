// By what a PostgreSQL that is not there is known: the codes of the driver, of sockets, of TLS, and of a server that starts, stops
// or takes nobody.

/** What postgres.js calls a server that does not answer, or a connection that ended, and how to say it. */
const CONNECTION_CODES: Readonly<Record<string, string | undefined>> = {
  CONNECTION_CLOSED: "the server closed the connection",
  CONNECTION_DESTROYED: "the connection was given up",
  CONNECTION_ENDED: "the connection was ended",
  CONNECT_TIMEOUT: "the server did not answer in time",
};
const SOCKET_CODES = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "EPIPE",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "EAI_AGAIN",
  "ENOENT",
  "EACCES",
]);
/** Too many connections; ended by an administrator, by a crash, while it starts, for idling; the connection failed (all of that class). */
const PASSING_SQLSTATES = /^(?:53300|57P0[1235]|08[0-9A-Z]{3})$/;
/** No such database; nobody is let in (all of that class). */
const LASTING_SQLSTATES = /^(?:3D000|28[0-9A-Z]{3})$/;
/** OpenSSL's codes for certificates look like no other. */
const TLS_CODES = /^(ERR_TLS_|ERR_SSL_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_)/;

/**
 * @param error of a driver or a socket; what wraps one says nothing
 * @returns a clause for people, without the password; undefined: the server is there, and something else is wrong
 */
export function reasonUnreachable(error: unknown): string | undefined {
  const code = codeOf(error);
  if (code === undefined || !(error instanceof Error)) return undefined;
  const isKnown = mayPass(error) || LASTING_SQLSTATES.test(code) || TLS_CODES.test(code);
  // Where several addresses were tried, the error of them all has a code and no message.
  return CONNECTION_CODES[code] ?? (isKnown ? error.message || code : undefined);
}

/**
 * Whether the server is away, and may be there again without anybody correcting its URL. A host that has no address may be one: so
 * is a container that is down.
 * @param error as of {@link reasonUnreachable}
 */
export function mayPass(error: unknown): boolean {
  const code = codeOf(error);
  if (code === undefined) return false;
  return Object.hasOwn(CONNECTION_CODES, code) || SOCKET_CODES.has(code) || PASSING_SQLSTATES.test(code);
}

function codeOf(error: unknown): string | undefined {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : undefined;
}

/** Whether the driver itself says it: nothing else has such codes. */
export function isDriversOwn(error: unknown): boolean {
  const code = codeOf(error);
  return code !== undefined && Object.hasOwn(CONNECTION_CODES, code);
}
