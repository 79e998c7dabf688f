// The stores that can be configured: what `stores.fs(...)` and its siblings in a configuration file give. Plain values, secrets among them.

export interface FsDeclaration {
  readonly kind: "fs";
  /** Relative to the working directory if it is. */
  readonly directory: string;
}

export interface SftpDeclaration {
  readonly kind: "sftp";
  readonly host: string;
  /** Left out: 22. */
  readonly port?: number;
  readonly username: string;
  /** One of the next three; left out: the agent that SSH_AUTH_SOCK names. */
  readonly privateKeyFile?: string;
  readonly password?: string;
  readonly agent?: string;
  /** Of an encrypted private key. */
  readonly privateKeyPassphrase?: string;
  /** Whom to believe, one of the two: a file as OpenSSH keeps it (left out: ~/.ssh/known_hosts), or the key's SHA256:... fingerprint. */
  readonly knownHostsFile?: string;
  readonly hostKey?: string;
  readonly directory: string;
}

export interface S3Declaration {
  readonly kind: "s3";
  readonly bucket: string;
  readonly region?: string;
  /** Of a server that is not Amazon's. */
  readonly endpoint?: string;
  /** Left out: no prefix. */
  readonly prefix?: string;
  /** `https://endpoint/bucket/key` instead of `https://bucket.endpoint/key`; left out: true where there is an endpoint. */
  readonly pathStyle?: boolean;
  /** Left out: as the AWS SDK finds them in the environment, its files or the host's role. */
  readonly accessKeyId?: string;
  readonly secretAccessKey?: string;
  readonly sessionToken?: string;
  /** "WHEN_REQUIRED" for servers that do not know the newer checksums; left out: "WHEN_SUPPORTED". */
  readonly checksums?: "WHEN_SUPPORTED" | "WHEN_REQUIRED";
}

export type StoreDeclaration = FsDeclaration | SftpDeclaration | S3Declaration;
