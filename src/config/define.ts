// What a configuration file imports as "holdfast". Nothing is checked here but the types: a file is checked as a whole
// when it is read. Small on purpose, and without imports that run: it is loaded into the user's own file.
import type { NotifyEvent } from "../core/notify-declaration.ts";
import type { FsDeclaration, S3Declaration, SftpDeclaration } from "../core/store-declaration.ts";

export type { NotifyEvent };

/** A table of a Drizzle schema, of whichever version of Drizzle. */
export interface DrizzleTable {
  readonly _: { readonly brand: "Table"; readonly name: string; readonly schema: string | undefined };
}

/**
 * A table: of a Drizzle schema, or its name. `"orders"` is in the schema public, `"shop.orders"` in shop; a name with dots
 * or quotes in it stands in double quotes, as in SQL: `'"my.schema"."orders"'`. Capitals are meant as they are written.
 */
export type TableReference = DrizzleTable | string;

/** A named set of tables that is backed up and restored together. */
export interface EntityConfig<Database extends string = string> {
  /** The entity's own table first, those that belong to it after. */
  readonly tables: readonly TableReference[];
  /** Which of `databases` the tables are in, or "holdfast" for Holdfast's own; left out: the only one that is configured. */
  readonly database?: Database | undefined;
  /** The permissions that backing it up takes; left out: `READ_` and the entity's name. */
  readonly read?: string | readonly string[] | undefined;
  /** The permissions that restoring it takes; left out: `WRITE_` and the entity's name. */
  readonly write?: string | readonly string[] | undefined;
  /** Left out of a backup unless asked for; left out: false. */
  readonly optIn?: boolean | undefined;
  /** For people; left out: made from the name. */
  readonly label?: string | undefined;
  /** Tables without a primary key or a unique index are meant to be here: their rows are compared as a whole. */
  readonly keyless?: boolean | undefined;
}

/** Entities that belong together; their names become upper case: `orderLines` is ORDER_LINES. */
export interface GroupConfig<Database extends string = string> {
  readonly entities: Readonly<Record<string, EntityConfig<Database>>>;
}

export interface DatabaseConfig {
  /** `postgres://user:password@host:port/database`; undefined, as an environment variable that is not set, is a fault. */
  readonly url: string | undefined;
}

interface NotifyConfigBase {
  /** Left out: all of them. */
  readonly on?: readonly NotifyEvent[] | undefined;
  /** What logs call it; left out: its place in the list. */
  readonly name?: string | undefined;
}

export interface WebhookConfig extends NotifyConfigBase {
  readonly webhook: string | undefined;
  /** Signs what is sent. */
  readonly secret?: string | undefined;
}

export interface MailConfig extends NotifyConfigBase {
  /** `smtp://user:password@host:port`, or `smtps://`. */
  readonly smtp: string | undefined;
  readonly from: string;
  readonly to: string | readonly string[];
}

/** Drills that schedules start, with nobody there to give a key. */
export interface DrillConfig {
  /** A file with an age identity, readable by the worker alone; left out: encrypted backups are verified as they are stored. */
  readonly identityFile?: string | undefined;
}

/** A port for Prometheus, which takes no token. */
export interface MetricsConfig {
  /** 0: any free port. */
  readonly port: number;
  /** Left out: 127.0.0.1. Whoever reaches it may read the metrics. */
  readonly host?: string | undefined;
}

/** Undefined is allowed everywhere, for environment variables; where something has to be there, reading the file says so. */
type Options<Declaration> = {
  readonly [Key in keyof Omit<Declaration, "kind">]: Declaration[Key & keyof Declaration] | undefined;
};
export type FsOptions = Options<FsDeclaration>;
export type SftpOptions = Options<SftpDeclaration>;
export type S3Options = Options<S3Declaration>;

/** What `stores.fs(...)` and its siblings give. */
export type StoreConfig =
  | ({ readonly kind: "fs" } & FsOptions)
  | ({ readonly kind: "sftp" } & SftpOptions)
  | ({ readonly kind: "s3" } & S3Options);

export interface HoldfastConfig<Database extends string = string, Store extends string = string> {
  /** Beside Holdfast's own database, which the environment names. */
  readonly databases?: Readonly<Record<Database, DatabaseConfig>> | undefined;
  /** Left out: the groups of the built-in platform. */
  readonly groups?: Readonly<Record<string, GroupConfig<NoInfer<Database> | "holdfast">>> | undefined;
  /** Left out: `local`, in the data directory. */
  readonly stores?: Readonly<Record<Store, StoreConfig>> | undefined;
  /** Where a backup goes that names no stores; left out: `local`, or else the first of `stores`. */
  readonly defaultStores?: readonly NoInfer<Store>[] | undefined;
  readonly notify?: readonly (WebhookConfig | MailConfig)[] | undefined;
  readonly drill?: DrillConfig | undefined;
  /** Left out: metrics are told on the API's port alone, for a token. */
  readonly metrics?: MetricsConfig | undefined;
  /** That copy or load at the same time, for each database and run: 1 to 64; left out: by the machine's cores, 2 to 4. */
  readonly connections?: number | undefined;
  /** How large a run is that workers share, as in "4GB"; "off": none is; left out: "512MB". */
  readonly shareFrom?: string | undefined;
}

/** The configuration, as the file's default export. */
export function defineConfig<Database extends string = never, Store extends string = "local">(
  config: HoldfastConfig<Database, Store>,
): HoldfastConfig<Database, Store> {
  return config;
}

export function entity<const Database extends string = never>(
  config: EntityConfig<Database>,
): EntityConfig<Database> {
  return config;
}

/** Where backups are kept. */
export const stores = {
  /** A directory. */
  fs: (options: FsOptions): StoreConfig => ({ ...options, kind: "fs" }),
  /** A directory of a host that is reached over SSH. */
  sftp: (options: SftpOptions): StoreConfig => ({ ...options, kind: "sftp" }),
  /** A bucket of Amazon's S3, or of a server that understands its protocol. */
  s3: (options: S3Options): StoreConfig => ({ ...options, kind: "s3" }),
};
