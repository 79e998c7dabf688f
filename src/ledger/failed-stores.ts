// What backups may have left in stores that did not take them: noted with the backup, until it is deleted.
import { and, eq, isNull, sql } from "drizzle-orm";
import type { Ledger } from "./connect.ts";
import { artifacts } from "./tables.ts";

export interface StoreRemains {
  readonly artifactId: string;
  readonly backupId: string;
  readonly store: string;
}

/** Of backups that are not deleted; a deletion sees to all of its stores by itself. Of at most 100 backups at a time. */
export async function findStoreRemains(ledger: Ledger): Promise<StoreRemains[]> {
  const rows = await ledger.db
    .select({
      artifactId: artifacts.id,
      backupId: artifacts.runId,
      stores: artifacts.stores,
      failed: artifacts.failedStores,
    })
    .from(artifacts)
    .where(
      and(
        isNull(artifacts.deletionRequestedAt),
        sql`${artifacts.failedStores} @> '[{"hasRemains": true}]'::jsonb`,
      ),
    )
    .limit(100);
  return rows.flatMap(({ failed, stores, ...backup }) =>
    failed
      // Since then somebody may have brought the backup there.
      .filter(({ store, hasRemains }) => hasRemains === true && !stores.includes(store))
      .map(({ store }) => ({ ...backup, store })),
  );
}

/** Once the store has nothing of the backup any more. */
export async function forgetStoreRemains(ledger: Ledger, { artifactId, store }: StoreRemains): Promise<void> {
  await ledger.db
    .update(artifacts)
    .set({
      failedStores: sql`(
        SELECT jsonb_agg(CASE WHEN one ->> 'store' = ${store} THEN one || '{"hasRemains": false}' ELSE one END)
        FROM jsonb_array_elements(${artifacts.failedStores}) AS one)`,
    })
    .where(eq(artifacts.id, artifactId));
}
