// The stores that can be configured: what `stores.fs(...)` and its siblings in a configuration file give. Plain values,
// secrets among them: not for logs. src/store/open.ts makes stores of them.
import { z } from "zod";

export interface FsDeclaration {
  readonly kind: "fs";
  /** Relative to the working directory if it is. */
  readonly directory: string;
}

/** Signs in with one of `privateKeyFile`, `privateKey`, `password` and `agent`; without any, with the agent that SSH_AUTH_SOCK names. */
export interface SftpDeclaration {
  readonly kind: "sftp";
  readonly host: string;
  /** Left out: 22. */
  readonly port?: number | undefined;
  readonly username: string;
  /** A private key as ssh-keygen writes it; `~/` is the home directory. */
  readonly privateKeyFile?: string | undefined;
  /** The same, as text. */
  readonly privateKey?: string | undefined;
  /** Of a private key that is encrypted. */
  readonly privateKeyPassphrase?: string | undefined;
  readonly password?: string | undefined;
  /** The socket of an ssh-agent. */
  readonly agent?: string | undefined;
  /** Which host keys are believed: as OpenSSH keeps them. Left out: ~/.ssh/known_hosts and /etc/ssh/ssh_known_hosts. */
  readonly knownHostsFile?: string | undefined;
  /** Instead: the one host key that is believed, as `SHA256:...` or as `ssh-ed25519 AAAA...`. */
  readonly hostKey?: string | undefined;
  /** On the server; relative to where a session starts if it is. Made at the first backup. */
  readonly directory: string;
}

export interface S3Declaration {
  readonly kind: "s3";
  /** It has to be there already. */
  readonly bucket: string;
  /** Left out: as the AWS SDK finds it in the environment or its files; us-east-1 where there is an endpoint. */
  readonly region?: string | undefined;
  /** Of a server that is not Amazon's: `https://...`, without user or password. */
  readonly endpoint?: string | undefined;
  /** Keys begin with it and a slash; left out: no prefix. */
  readonly prefix?: string | undefined;
  /** `https://endpoint/bucket/key` instead of `https://bucket.endpoint/key`; left out: true where there is an endpoint. */
  readonly pathStyle?: boolean | undefined;
  /** The key and its secret; left out: as the AWS SDK finds them in the environment, its files or the host's role. */
  readonly accessKeyId?: string | undefined;
  readonly secretAccessKey?: string | undefined;
  readonly sessionToken?: string | undefined;
  /**
   * "WHEN_SUPPORTED" sends and checks S3's newer checksums (CRC), which some servers get wrong; "WHEN_REQUIRED" sends MD5, which
   * every server knows. Left out: WHEN_REQUIRED where there is an endpoint, WHEN_SUPPORTED at Amazon.
   */
  readonly checksums?: "WHEN_SUPPORTED" | "WHEN_REQUIRED" | undefined;
}

export type StoreDeclaration = FsDeclaration | SftpDeclaration | S3Declaration;

const text = z.string().min(1, "must not be empty");

/** Whether at most one of the fields has a value. */
const atMostOne = (...values: readonly unknown[]) =>
  values.filter((value) => value !== undefined).length <= 1;

/** A host name or an address, which cannot hold what would change a URL or a command line that is shown. */
const host = text.regex(/^[\w.:%-]+$/, "must be a host name or an address");

const HOST_KEY = /^(SHA256:[A-Za-z0-9+/]{43}=?|(ssh|ecdsa|sk)-[\w@.-]+ [A-Za-z0-9+/]+={0,2}( .*)?)$/;

const fs = z.strictObject({ kind: z.literal("fs"), directory: text });

const sftp = z
  .strictObject({
    kind: z.literal("sftp"),
    host,
    port: z.int().min(1, "must be from 1 to 65535").max(65_535, "must be from 1 to 65535").optional(),
    username: text,
    privateKeyFile: text.optional(),
    privateKey: text.optional(),
    privateKeyPassphrase: text.optional(),
    password: text.optional(),
    agent: text.optional(),
    knownHostsFile: text.optional(),
    hostKey: text.regex(HOST_KEY, "must be like SHA256:... or ssh-ed25519 AAAA...").optional(),
    directory: text,
  })
  .refine(
    ({ privateKeyFile, privateKey, password, agent }) =>
      atMostOne(privateKeyFile, privateKey, password, agent),
    "signs in with one of privateKeyFile, privateKey, password and agent",
  )
  .refine(
    (sftp) =>
      sftp.privateKeyPassphrase === undefined ||
      sftp.privateKeyFile !== undefined ||
      sftp.privateKey !== undefined,
    { path: ["privateKeyPassphrase"], error: "needs privateKeyFile or privateKey" },
  )
  .refine(
    ({ knownHostsFile, hostKey }) => atMostOne(knownHostsFile, hostKey),
    "believes hostKey or what is in knownHostsFile, not both",
  );

const endpoint = z
  .string()
  .refine(
    (value) => ["http:", "https:"].includes(URL.parse(value)?.protocol ?? ""),
    "must be a URL that starts with https:// or http://",
  )
  .refine((value) => {
    const url = URL.parse(value);
    return url === null || (url.username === "" && url.password === "");
  }, "must not hold a user or a password: accessKeyId and secretAccessKey are for that")
  .refine((value) => {
    const url = URL.parse(value);
    return url === null || (url.search === "" && url.hash === "");
  }, "must have no query");

const s3 = z
  .strictObject({
    kind: z.literal("s3"),
    bucket: text.regex(/^[\w.-]+$/, "must be the name of a bucket"),
    region: text.optional(),
    endpoint: endpoint.optional(),
    prefix: z.string().optional(),
    pathStyle: z.boolean().optional(),
    accessKeyId: text.optional(),
    secretAccessKey: text.optional(),
    sessionToken: text.optional(),
    checksums: z.enum(["WHEN_SUPPORTED", "WHEN_REQUIRED"]).optional(),
  })
  .refine(
    ({ accessKeyId, secretAccessKey }) => (accessKeyId === undefined) === (secretAccessKey === undefined),
    "needs both accessKeyId and secretAccessKey, or neither",
  )
  .refine(({ accessKeyId, sessionToken }) => sessionToken === undefined || accessKeyId !== undefined, {
    path: ["sessionToken"],
    error: "needs accessKeyId and secretAccessKey",
  });

/** Checks what a configuration file says of a store. Its messages follow the field's name, and repeat no value. */
export const storeDeclarationSchema = z.discriminatedUnion("kind", [fs, sftp, s3]);
