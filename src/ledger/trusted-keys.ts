// Whose signatures are trusted, as the ledger keeps it: every server and worker of an installation goes by the same list.
import { asc, desc, eq } from "drizzle-orm";
import type { KeyTrust, TrustedKeys } from "../core/authenticity.ts";
import type { Ledger } from "./connect.ts";
import { trustedKeys } from "./tables.ts";

const OWN_NAME = "this installation";

export type TrustedKey = typeof trustedKeys.$inferSelect;

/** Those of the installation first, then the others by their names. */
export async function findTrustedKeys({ db }: Pick<Ledger, "db">): Promise<TrustedKey[]> {
  return db
    .select()
    .from(trustedKeys)
    .orderBy(desc(trustedKeys.own), asc(trustedKeys.name), asc(trustedKeys.publicKey));
}

/** @param ownKey counts also where the ledger does not know it (yet) */
export async function readTrust(ledger: Pick<Ledger, "db">, ownKey: string): Promise<TrustedKeys> {
  const rows = await findTrustedKeys(ledger);
  const keys = new Map<string, KeyTrust>([[ownKey, { name: OWN_NAME, own: true }]]);
  for (const { publicKey, name, own } of rows) keys.set(publicKey, { name, own });
  return keys;
}

/** Notes the key that this installation signs with; nothing happens where that is known. */
export async function noteOwnKey({ db }: Pick<Ledger, "db">, publicKey: string): Promise<void> {
  await db
    .insert(trustedKeys)
    .values({ publicKey, name: OWN_NAME, own: true })
    .onConflictDoUpdate({
      target: trustedKeys.publicKey,
      set: { own: true },
      setWhere: eq(trustedKeys.own, false),
    });
}

/** Trusts a key under a name; one that is trusted already gets the name. An own key stays as it is. */
export async function trustKey(
  db: Pick<Ledger["db"], "insert">,
  key: Pick<TrustedKey, "publicKey" | "name" | "trustedBy">,
): Promise<TrustedKey | undefined> {
  const { name, trustedBy } = key;
  const [row] = await db
    .insert(trustedKeys)
    .values(key)
    .onConflictDoUpdate({
      target: trustedKeys.publicKey,
      set: { name, trustedBy, trustedAt: new Date() },
      setWhere: eq(trustedKeys.own, false),
    })
    .returning();
  return row;
}

/** @returns whether it was trusted */
export async function distrustKey(db: Pick<Ledger["db"], "delete">, publicKey: string): Promise<boolean> {
  const rows = await db.delete(trustedKeys).where(eq(trustedKeys.publicKey, publicKey)).returning();
  return rows.length > 0;
}
