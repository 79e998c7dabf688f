// PostgreSQL's connection URLs, where they are none (https://www.postgresql.org/docs/current/libpq-connect.html, "Connection URIs").

/** An account without a host, for which `?host=` names the directory of a unix socket. */
const ACCOUNT_ALONE = /^(postgres(?:ql)?:\/\/[^@/?#]*@)(?=[/?])/i;

/** With a host where a URL has to have one; anything else as it is. */
export function completePostgresUrl(text: string): string {
  return text.replace(ACCOUNT_ALONE, "$1localhost");
}
