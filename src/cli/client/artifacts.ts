// The GraphQL documents behind what `backups` and `stores` do to artifacts: verify, rekey, import, find. A test checks every one
// of them against the schema.
import { z } from "zod";
import type { VerificationLevel } from "../../core/run.ts";
import { runState, type Operation } from "./operations.ts";

/** What opens an artifact, as GraphQL takes it. */
export interface UnlockInput {
  readonly passphrase?: string | undefined;
  readonly identity?: string | undefined;
}

export const START_VERIFICATION: Operation<
  {
    readonly input: {
      readonly backupId: string;
      readonly level: VerificationLevel;
      readonly unlock?: UnlockInput | undefined;
    };
  },
  { startVerification: { id: string } }
> = {
  result: z.object({ startVerification: z.object({ id: z.string() }) }),
  document: `mutation ($input: StartVerificationInput!) { startVerification(input: $input) { id } }`,
};

const verification = runState.extend({
  id: z.string(),
  level: z.string(),
  note: z.string().nullable(),
  stores: z.array(
    z.object({ store: z.string(), objects: z.int(), sizeBytes: z.int(), fault: z.string().nullable() }),
  ),
  tables: z.array(
    z.object({
      entity: z.string(),
      table: z.string(),
      rows: z.int(),
      foundRows: z.int(),
      fault: z.string().nullable(),
    }),
  ),
});
export type VerificationState = z.infer<typeof verification>;

export const VERIFICATION_PROGRESS: Operation<
  { readonly id: string },
  { verificationProgress: VerificationState }
> = {
  result: z.object({ verificationProgress: verification }),
  document: `subscription ($id: ID!) {
  verificationProgress(id: $id) {
    id status error { code message hint } durationMs level note
    stores { store objects sizeBytes fault }
    tables { entity table rows foundRows fault }
    progress {
      phase entity rows rowsTotal bytes bytesTotal
      percent rowsPerSecond etaSeconds
    }
  }
}`,
};

const keptBackup = z.object({
  id: z.string(),
  createdAt: z.string(),
  encryption: z.string(),
  entities: z.array(z.string()),
  contentsKnown: z.boolean(),
  stores: z.array(z.string()),
  rows: z.int().nullable(),
  sizeBytes: z.int().nullable(),
});
export type KeptBackup = z.infer<typeof keptBackup>;
const KEPT_FIELDS = "id createdAt encryption entities contentsKnown stores rows sizeBytes";

export const REKEY_BACKUP: Operation<
  {
    readonly input: {
      readonly id: string;
      readonly unlock: UnlockInput;
      readonly encryption: { readonly passphrase: string } | { readonly recipients: readonly string[] };
    };
  },
  { rekeyBackup: KeptBackup }
> = {
  result: z.object({ rekeyBackup: keptBackup }),
  document: `mutation ($input: RekeyBackupInput!) { rekeyBackup(input: $input) { ${KEPT_FIELDS} } }`,
};

/** The file is no part of the variables: it is uploaded beside. */
export const IMPORT_BACKUP: Operation<
  { readonly store?: string | undefined; readonly unlock?: UnlockInput | undefined },
  { importBackup: KeptBackup }
> = {
  result: z.object({ importBackup: keptBackup }),
  document: `mutation ($file: File!, $store: String, $unlock: UnlockInput) {
  importBackup(file: $file, store: $store, unlock: $unlock) { ${KEPT_FIELDS} }
}`,
};

const scanned = z.object({
  store: z.string(),
  artifactId: z.string(),
  state: z.string(),
  message: z.string().nullable(),
  backup: keptBackup.nullable(),
});
export type ScannedArtifact = z.infer<typeof scanned>;

export const SCAN_STORES: Operation<
  { readonly stores?: readonly string[] | undefined },
  { scanStores: ScannedArtifact[] }
> = {
  result: z.object({ scanStores: z.array(scanned) }),
  document: `mutation ($stores: [String!]) {
  scanStores(stores: $stores) { store artifactId state message backup { ${KEPT_FIELDS} } }
}`,
};
