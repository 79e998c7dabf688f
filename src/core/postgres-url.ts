// PostgreSQL's connection URLs, of which some are none (https://www.postgresql.org/docs/current/libpq-connect.html, "Connection URIs").

const PROTOCOLS = new Set(["postgres:", "postgresql:"]);
/** An account without a host, for which `?host=` names the directory of a unix socket. */
const ACCOUNT_ALONE = /^(postgres(?:ql)?:\/\/[^@/?#]*@)(?=[/?])/i;

/** With a host where a URL has to have one; anything else as it is. */
export function completePostgresUrl(text: string): string {
  return text.replace(ACCOUNT_ALONE, "$1localhost");
}

/** @returns null for what is not one */
export function parsePostgresUrl(text: string): URL | null {
  const url = URL.parse(completePostgresUrl(text));
  return url !== null && PROTOCOLS.has(url.protocol) ? url : null;
}

/** The same way, to another database of the server. @param url as {@link completePostgresUrl} gives it */
export function otherDatabase(url: string, database: string): string {
  const other = new URL(url);
  other.pathname = `/${encodeURIComponent(database)}`;
  other.searchParams.delete("dbname");
  return other.href;
}
