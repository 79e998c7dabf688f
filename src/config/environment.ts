// The environment: every variable that Holdfast knows, read in one place and checked at once. Only process roots call it.
import { isIP } from "node:net";
import { closest } from "fastest-levenshtein";
import { z } from "zod";
import { HoldfastError } from "../core/errors.ts";
import { completePostgresUrl, parsePostgresUrl } from "../core/postgres-url.ts";
import { parseShareFrom } from "../core/size.ts";

/** Sealing and signing are only as good as this. */
const SECRET_KEY_MIN_LENGTH = 32;

const text = z.string();
const urlOf = (problem: string, ...protocols: string[]) =>
  z.string().refine((value) => protocols.includes(URL.parse(value)?.protocol ?? ""), problem);

/** Every problem below is worded to follow the variable's name, and repeats no value: some are secrets. */
const variables = z.object({
  HOLDFAST_DATA_DIR: text.default(".holdfast"),
  HOLDFAST_DATABASE_URL: text
    .transform(completePostgresUrl)
    .refine(
      (value) => parsePostgresUrl(value) !== null,
      "must be a URL that starts with postgres:// (in a password, / is written %2F, @ %40, # %23 and % %25)",
    )
    .optional(),
  REDIS_URL: urlOf("must be a URL that starts with redis:// or rediss://", "redis:", "rediss:").optional(),
  PORT: z
    .string()
    .regex(/^\d+$/, "must be a number from 0 to 65535 (0: any free port)")
    .transform(Number)
    .refine((port) => port <= 65_535, "must be a number from 0 to 65535 (0: any free port)")
    .default(4000),
  HOST: text.default("127.0.0.1"),
  HOLDFAST_METRICS_PORT: z
    .string()
    .regex(/^\d+$/, "must be a number from 0 to 65535 (0: any free port)")
    .transform(Number)
    .refine((port) => port <= 65_535, "must be a number from 0 to 65535 (0: any free port)")
    .optional(),
  HOLDFAST_METRICS_HOST: text.optional(),
  HOLDFAST_SECRET_KEY: text
    .min(
      SECRET_KEY_MIN_LENGTH,
      `must have at least ${SECRET_KEY_MIN_LENGTH} characters; make one with openssl rand -base64 32`,
    )
    .optional(),
  HOLDFAST_TRUSTED_PROXIES: text
    .transform((list) => list.split(",").map((entry) => entry.trim()))
    .refine(
      (entries) => entries.every(isNetwork),
      "must be addresses or networks, as in 10.0.0.0/8, with commas between",
    )
    .optional(),
  HOLDFAST_INTROSPECTION: z
    .enum(["everyone", "signed-in", "nobody"], "must be one of everyone, signed-in, nobody")
    .optional(),
  NODE_ENV: text.optional(),
  HOLDFAST_ADMIN_PASSWORD: text.min(8, "must have at least 8 characters").optional(),
  HOLDFAST_CONFIG: text.optional(),
  HOLDFAST_CONNECTIONS: z
    .string()
    .regex(/^([1-9]|[1-5]\d|6[0-4])$/, "must be a number from 1 to 64")
    .transform(Number)
    .optional(),
  HOLDFAST_SHARE_FROM: text
    .refine((size) => parseShareFrom(size) !== undefined, "must be a size, as in 512MB or 4GB, or off")
    .transform((size) => parseShareFrom(size))
    .optional(),
  LOG_LEVEL: z
    .enum(
      ["trace", "debug", "info", "warn", "error", "fatal", "silent"],
      "must be one of trace, debug, info, warn, error, fatal, silent",
    )
    .default("info"),
  HOLDFAST_PASSPHRASE: text.optional(),
  HOLDFAST_SERVER: urlOf("must be a URL that starts with http:// or https://", "http:", "https:").optional(),
  HOLDFAST_TOKEN: text.optional(),
  APP_DATABASE_URL: text.transform(completePostgresUrl).optional(),
  XDG_CONFIG_HOME: text.optional(),
  SSH_AUTH_SOCK: text.optional(),
});

type Variables = z.infer<typeof variables>;

/** What the environment says, with the defaults filled in. Holds secrets: not for logs. */
export interface Environment {
  /** The embedded database, the file store and the keys that were made. Relative to the working directory if it is. */
  readonly dataDir: string;
  /** Holdfast's own database; undefined: the embedded PostgreSQL. */
  readonly databaseUrl: string | undefined;
  /** BullMQ on Redis; undefined: BullMQ in Holdfast's own database. */
  readonly redisUrl: string | undefined;
  /** 0: any free port. */
  readonly port: number;
  readonly host: string;
  /** Of the port for metrics alone, 0: any free one; undefined: what the configuration file says. */
  readonly metricsPort: number | undefined;
  /** undefined: what the configuration file says, or the loopback address. */
  readonly metricsHost: string | undefined;
  /** undefined: made on first start, see secret-key.ts. */
  readonly secretKey: string | undefined;
  /** Whose word on where a request comes from is taken: addresses, and networks with their prefix; undefined: nobody's. */
  readonly trustedProxies: readonly string[] | undefined;
  /** Who may ask GraphQL for its schema; undefined: everyone. */
  readonly introspection: "everyone" | "signed-in" | "nobody" | undefined;
  /** undefined: made and printed on first start. */
  readonly adminPassword: string | undefined;
  /** undefined: `holdfast.config.ts` in the working directory, if it is there. */
  readonly configFile: string | undefined;
  /** That copy or load at the same time, for each database and run; undefined: by the machine's cores. */
  readonly connections: number | undefined;
  /** How large a run is that workers share; undefined: what the configuration file says. */
  readonly shareFromBytes: number | "off" | undefined;
  readonly logLevel: Variables["LOG_LEVEL"];
  /** For commands that encrypt or decrypt. */
  readonly passphrase: string | undefined;
  /** Where commands work through the API. */
  readonly server: string | undefined;
  readonly token: string | undefined;
  /** Of the database that `init` reads; the configuration file that it writes takes the URL from there as well. */
  readonly appDatabaseUrl: string | undefined;
  /** Where users keep their settings; undefined: `.config` in the home directory. */
  readonly configHome: string | undefined;
  /** The ssh-agent's socket, for SFTP stores that name nothing to sign in with. */
  readonly sshAgent: string | undefined;
}

function isNetwork(text: string): boolean {
  const [address = "", prefix, ...rest] = text.split("/");
  const family = isIP(address);
  if (family === 0 || rest.length > 0) return false;
  return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (family === 4 ? 32 : 128));
}

const PREFIX = "HOLDFAST_";
/** Whatever starts like this is for the project's own tests. */
const TEST_PREFIX = "HOLDFAST_TEST_";
const OWN_NAMES = variables.keyof().options.filter((name) => name.startsWith(PREFIX));

/**
 * Reads the environment. A variable that is set to nothing counts as not set.
 * @throws HoldfastError CONFIG_INVALID that names every fault at once, each as `VARIABLE: what is wrong`.
 */
export function readEnvironment(environment: NodeJS.ProcessEnv): Environment {
  const given = Object.entries(environment).filter(([, value]) => value !== undefined && value !== "");
  const faults = given.flatMap(([name]) => describeUnknown(name));
  const read = variables.safeParse(Object.fromEntries(given));
  if (!read.success)
    faults.push(...read.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`));
  if (!read.success || faults.length > 0)
    throw new HoldfastError("CONFIG_INVALID", `The environment is not valid:\n${faults.join("\n")}`, {
      hint: "Correct the named variables and start again.",
      details: { faults },
    });
  const values = read.data;
  return {
    dataDir: values.HOLDFAST_DATA_DIR,
    databaseUrl: values.HOLDFAST_DATABASE_URL,
    redisUrl: values.REDIS_URL,
    port: values.PORT,
    host: values.HOST,
    metricsPort: values.HOLDFAST_METRICS_PORT,
    metricsHost: values.HOLDFAST_METRICS_HOST,
    secretKey: values.HOLDFAST_SECRET_KEY,
    trustedProxies: values.HOLDFAST_TRUSTED_PROXIES,
    introspection:
      values.HOLDFAST_INTROSPECTION ?? (values.NODE_ENV === "production" ? "signed-in" : undefined),
    adminPassword: values.HOLDFAST_ADMIN_PASSWORD,
    configFile: values.HOLDFAST_CONFIG,
    connections: values.HOLDFAST_CONNECTIONS,
    shareFromBytes: values.HOLDFAST_SHARE_FROM,
    logLevel: values.LOG_LEVEL,
    passphrase: values.HOLDFAST_PASSPHRASE,
    server: values.HOLDFAST_SERVER,
    token: values.HOLDFAST_TOKEN,
    appDatabaseUrl: values.APP_DATABASE_URL,
    configHome: values.XDG_CONFIG_HOME,
    sshAgent: values.SSH_AUTH_SOCK,
  };
}

function describeUnknown(name: string): string[] {
  if (!name.startsWith(PREFIX) || name.startsWith(TEST_PREFIX)) return [];
  if (OWN_NAMES.some((known) => known === name)) return [];
  return [`${name}: is not known; did you mean ${closest(name, OWN_NAMES)}?`];
}
