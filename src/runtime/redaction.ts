// Keeps secrets out of the log, whatever is logged: those that the process knows, wherever they stand, and what looks like one.
import type { Environment } from "../config/environment.ts";
import type { Configuration } from "../config/file/read.ts";

const REDACTED = "[redacted]";
/** What is shorter is too common to be hidden wherever it stands. */
const LEAST_LENGTH = 4;
const KEY_LENGTH = 8;

/** Names of what is secret, at the end of longer names too: `oldPassword`, `secretAccessKey`, `x-api-key`. */
const NAMES =
  "(?:password|passphrase|pass|pwd|secret|secret_?(?:access_?)?key|(?:session|access|refresh|auth)?_?token|identity|authorization|" +
  "private_?key|api[_-]?key|cookies?|credentials?)";

/** In the line's JSON; the quotes of JSON within a text are escaped once more. */
const PATTERNS: readonly (readonly [RegExp, string])[] = [
  [new RegExp(`("[\\w-]*${NAMES}"\\s*:\\s*)"(?:[^"\\\\]|\\\\.)*"`, "gi"), `$1"${REDACTED}"`],
  [new RegExp(`("[\\w-]*${NAMES}"\\s*:\\s*)\\[[^\\[\\]]*\\]`, "gi"), `$1"${REDACTED}"`],
  [
    new RegExp(`(\\b[\\w-]*${NAMES}(?:\\\\")?\\s*:\\s*\\\\")(?:\\\\\\\\\\\\"|(?!\\\\").)*`, "gi"),
    `$1${REDACTED}`,
  ],
  [new RegExp(`(\\b[\\w-]*${NAMES}=)[^\\s"'&;,\\\\]+`, "gi"), `$1${REDACTED}`],
  [/([a-z][a-z0-9+.-]*:\/\/[^\s/@:"\\]*):[^\s/"\\]+@/gi, `$1:${REDACTED}@`],
  [/\b(Bearer|Basic)\s+(?:(?:pat|jwt):)?[\w.~+/=-]{8,}/gi, `$1 ${REDACTED}`],
  [/\b(pat|jwt):[\w.~+/=-]{8,}/g, `$1:${REDACTED}`],
  [/\beyJ[\w-]{8,}\.[\w-]+\.[\w-]+/g, REDACTED],
  [/AGE-SECRET-KEY-[0-9A-Z-]+/gi, REDACTED],
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----/gs, REDACTED],
];

/**
 * @param secrets values that are hidden wherever they stand, also in the middle of a text
 * @returns what cleans a line of JSON, which stays one
 */
export function createRedaction(secrets: readonly string[]): (line: string) => string {
  const forms = new Set(
    secrets
      .filter((secret) => secret.length >= LEAST_LENGTH)
      .flatMap((secret) => [secret, encodeURIComponent(secret)])
      // As it stands in JSON, and in JSON within JSON.
      .flatMap((form) => [escape(form), escape(escape(form))]),
  );
  // The longest first: one may be the beginning of another.
  const known = [...forms].toSorted((a, b) => b.length - a.length);
  return (line) => {
    let clean = line;
    for (const form of known) clean = clean.replaceAll(form, REDACTED);
    for (const [pattern, replacement] of PATTERNS) clean = clean.replace(pattern, replacement);
    return clean;
  };
}

const escape = (text: string): string => JSON.stringify(text).slice(1, -1);

/** Every secret that the environment and the configuration file hold. */
export function secretsOf(environment: Environment, configuration?: Configuration): string[] {
  const { secretKey, adminPassword, passphrase, token, databaseUrl, redisUrl, appDatabaseUrl } = environment;
  const urls = [databaseUrl, redisUrl, appDatabaseUrl, ...(configuration?.databaseUrls.values() ?? [])];
  const found: (string | undefined)[] = [secretKey, adminPassword, passphrase, token];
  for (const target of configuration?.notify ?? []) {
    if (target.kind === "webhook") found.push(target.secret, ...keysOf(target.url));
    urls.push(target.kind === "webhook" ? target.url : target.smtp);
  }
  for (const store of configuration?.stores.values() ?? []) {
    if (store.kind === "sftp") found.push(store.password, store.privateKey, store.privateKeyPassphrase);
    if (store.kind === "s3") found.push(store.secretAccessKey, store.sessionToken);
  }
  return [...found, ...urls.flatMap(passwordsOf)].filter((secret) => secret !== undefined);
}

/** A webhook's address may be what lets one post there: parts of it that nobody can guess. */
function keysOf(text: string): string[] {
  const url = URL.parse(text);
  if (url === null) return [];
  return [...url.pathname.split("/"), ...url.searchParams.values()].filter(
    ({ length }) => length >= KEY_LENGTH,
  );
}

/** As they stand in the URL, and as they are meant. */
function passwordsOf(text: string | undefined): string[] {
  const url = text === undefined ? null : URL.parse(text);
  if (url === null) return [];
  const named = url.searchParams.get("password");
  const given = [url.password, ...(named === null ? [] : [named])].filter((password) => password !== "");
  return given.flatMap((password) => [password, decode(password)]);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
