// The cache: each run is kept once, by its id, so that an event of the subscription changes every list and page it is on.
import { cacheExchange } from "@urql/exchange-graphcache";
import type { Exchange } from "urql";

/** Types without an identity of their own: they belong to whatever they hang on. */
const EMBEDDED = [
  "ArtifactSignature",
  "AuditLogConnection",
  "AuditLogEdge",
  "BackupConnection",
  "BackupContent",
  "BackupEdge",
  "ColumnSample",
  "Catalog",
  "DeliveryConnection",
  "DeliveryEdge",
  "EntityChanges",
  "NewAccessToken",
  "PageInfo",
  "Progress",
  "PruneDecision",
  "PruneResult",
  "RestoreConflict",
  "RestoreConnection",
  "RestoreEdge",
  "Retention",
  "RowSample",
  "RunError",
  "ScannedArtifact",
  "ScheduleSelection",
  "SelectedColumn",
  "SelectedRows",
  "Session",
  "StoreFailure",
  "StoreHealth",
  "TableProgress",
  "VerifiedStore",
  "VerifiedTable",
];

function byName({ name }: Record<string, unknown>): string | null {
  return typeof name === "string" ? name : null;
}

export function createCache(): Exchange {
  return cacheExchange({
    possibleTypes: { Run: ["Backup", "Restore", "Verification"] },
    keys: {
      ...Object.fromEntries(EMBEDDED.map((name) => [name, () => null])),
      CatalogGroup: byName,
      CatalogEntity: byName,
      NotifyTarget: byName,
      SigningKey: ({ publicKey }) => (typeof publicKey === "string" ? publicKey : null),
      Store: byName,
    },
  });
}
