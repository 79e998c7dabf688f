// The GraphQL documents behind `backups`, `restores`, `stores` and `tokens`. A test checks every one of them against
// the schema.
import { z } from "zod";
import { backupState, restoreState, type Operation } from "./operations.ts";

export const page = <Node>(node: z.ZodType<Node>) =>
  z.object({
    edges: z.array(z.object({ node })),
    pageInfo: z.object({ hasNextPage: z.boolean(), endCursor: z.string().nullable() }),
  });
/** A page of a list. */
export type Page<Node> = z.infer<ReturnType<typeof page<Node>>>;

export interface PageVariables {
  readonly first: number;
  readonly after: string | null;
}

const listed = z.object({
  id: z.string(),
  requestedBy: z.string().nullable(),
  createdAt: z.string(),
  finishedAt: z.string().nullable(),
  entities: z.array(z.string()),
});

const RUN_FIELDS = `id status requestedBy createdAt finishedAt durationMs entities
  error { code message hint }
  progress { phase entity rows rowsTotal bytes bytesTotal percent rowsPerSecond etaSeconds }`;

const backup = backupState.extend(listed.shape).extend({
  label: z.string().nullable(),
  encryption: z.enum(["NONE", "PASSPHRASE", "RECIPIENTS"]),
  stores: z.array(z.string()),
  storeFailures: z.array(z.object({ store: z.string(), code: z.string(), message: z.string() })),
  pinned: z.boolean(),
  schedule: z.object({ name: z.string() }).nullable(),
  deletionRequestedAt: z.string().nullable(),
  deletedBy: z.string().nullable(),
  contents: z.array(z.object({ entity: z.string(), table: z.string(), rows: z.int(), rawBytes: z.int() })),
});
export type ListedBackup = z.infer<typeof backup>;

const BACKUP_FIELDS = `${RUN_FIELDS}
  label encryption stores storeFailures { store code message } pinned rows rawBytes sizeBytes
  schedule { name } deletionRequestedAt deletedBy
  contents { entity table rows rawBytes }`;

const restore = restoreState.extend(listed.shape).extend({
  mode: z.enum(["MERGE", "REPLACE", "INSERT_MISSING"]),
  dryRun: z.boolean(),
  backup: z.object({ id: z.string() }),
});
export type ListedRestore = z.infer<typeof restore>;

const RESTORE_FIELDS = `${RUN_FIELDS}
  mode dryRun plan backup { id }
  changes { entity table inserted updated unchanged deleted }`;

interface BackupFilter {
  readonly status?: string;
  readonly entity?: string;
  readonly scheduleId?: string;
  readonly deleted?: boolean;
}

export const BACKUPS: Operation<
  PageVariables & { readonly filter: BackupFilter },
  { backups: Page<ListedBackup> }
> = {
  result: z.object({ backups: page(backup) }),
  document: `query ($first: Int, $after: String, $filter: BackupFilter) {
  backups(first: $first, after: $after, filter: $filter) {
    edges { node { ${BACKUP_FIELDS} } }
    pageInfo { hasNextPage endCursor }
  }
}`,
};

export const BACKUP: Operation<{ readonly id: string }, { backup: ListedBackup | null }> = {
  result: z.object({ backup: backup.nullable() }),
  document: `query ($id: ID!) { backup(id: $id) { ${BACKUP_FIELDS} } }`,
};

export const RESTORES: Operation<PageVariables, { restores: Page<ListedRestore> }> = {
  result: z.object({ restores: page(restore) }),
  document: `query ($first: Int, $after: String) {
  restores(first: $first, after: $after) {
    edges { node { ${RESTORE_FIELDS} } }
    pageInfo { hasNextPage endCursor }
  }
}`,
};

export const RESTORE: Operation<{ readonly id: string }, { restore: ListedRestore | null }> = {
  result: z.object({ restore: restore.nullable() }),
  document: `query ($id: ID!) { restore(id: $id) { ${RESTORE_FIELDS} } }`,
};

export const CANCEL_RUN: Operation<{ readonly id: string }, { cancelRun: { id: string; status: string } }> = {
  result: z.object({ cancelRun: z.object({ id: z.string(), status: z.string() }) }),
  document: `mutation ($id: ID!) { cancelRun(id: $id) { id status } }`,
};

const store = z.object({
  name: z.string(),
  kind: z.string(),
  default: z.boolean(),
  /** null: the caller may not know. */
  place: z.string().nullable(),
});

export type ListedStore = z.infer<typeof store>;

export const STORES: Operation<Record<string, never>, { stores: z.infer<typeof store>[] }> = {
  result: z.object({ stores: z.array(store) }),
  document: `query { stores { name kind default place } }`,
};

const storeHealth = z.object({
  reachable: z.boolean(),
  error: z.object({ code: z.string(), message: z.string(), hint: z.string().nullable() }).nullable(),
});
export type StoreHealth = z.infer<typeof storeHealth>;

export const CHECK_STORE: Operation<{ readonly name: string }, { checkStore: StoreHealth }> = {
  result: z.object({ checkStore: storeHealth }),
  document: `mutation ($name: String!) { checkStore(name: $name) { reachable error { code message hint } } }`,
};

const accessToken = z.object({
  id: z.string(),
  name: z.string(),
  permissions: z.array(z.string()),
  createdAt: z.string(),
  expiresAt: z.string().nullable(),
  lastUsedAt: z.string().nullable(),
});
type ListedToken = z.infer<typeof accessToken>;

export const TOKENS: Operation<Record<string, never>, { tokens: ListedToken[] }> = {
  result: z.object({ tokens: z.array(accessToken) }),
  document: `query { tokens { id name permissions createdAt expiresAt lastUsedAt } }`,
};

export const CREATE_TOKEN: Operation<
  {
    readonly input: {
      readonly name: string;
      readonly permissions?: readonly string[] | undefined;
      readonly expiresAt?: string | undefined;
    };
  },
  { createToken: { token: string; accessToken: ListedToken } }
> = {
  result: z.object({ createToken: z.object({ token: z.string(), accessToken }) }),
  document: `mutation ($input: CreateTokenInput!) {
  createToken(input: $input) {
    token accessToken { id name permissions createdAt expiresAt lastUsedAt }
  }
}`,
};

export const REVOKE_TOKEN: Operation<{ readonly id: string }, { revokeToken: boolean }> = {
  result: z.object({ revokeToken: z.boolean() }),
  document: `mutation ($id: ID!) { revokeToken(id: $id) }`,
};
