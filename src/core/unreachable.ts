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
/** Too many connections; ended by an administrator, by a crash, while it starts, for idling; no such database. */
const SQLSTATES = new Set(["53300", "57P01", "57P02", "57P03", "57P05", "3D000"]);
/** Classes of them: the connection failed; nobody is let in. */
const SQLSTATE_CLASSES = /^(?:08|28)[0-9A-Z]{3}$/;
/** OpenSSL's codes for certificates look like no other. */
const TLS_CODES = /^(ERR_TLS_|ERR_SSL_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_)/;

/**
 * @param error of a driver or a socket; what wraps one says nothing
 * @returns a clause for people, without the password; undefined: the server is there, and something else is wrong
 */
export function reasonUnreachable(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "string") return undefined;
  const { code } = error;
  const isKnown =
    SOCKET_CODES.has(code) || SQLSTATES.has(code) || SQLSTATE_CLASSES.test(code) || TLS_CODES.test(code);
  // Where several addresses were tried, the error of them all has a code and no message.
  return CONNECTION_CODES[code] ?? (isKnown ? error.message || code : undefined);
}

/** Whether the driver itself says it: nothing else has such codes. */
export function isDriversOwn(error: unknown): boolean {
  return (
    error instanceof Error &&
    "code" in error &&
    typeof error.code === "string" &&
    Object.hasOwn(CONNECTION_CODES, error.code)
  );
}
