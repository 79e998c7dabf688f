// What is done to backups that are kept, whichever way the caller came in: these acts work on the stores while their caller waits.
import type { Caller } from "../auth/caller.ts";
import type { Origin } from "../auth/context.ts";
import type { EncryptionChoice } from "./start-backup.ts";
import type { UnlockChoice } from "./start-restore.ts";
import type { Backup } from "./visible.ts";

/** A file that a client has sent, whole, for as long as its request lasts. */
export class UploadedFile {
  readonly path: string;
  readonly sizeBytes: number;

  constructor(path: string, sizeBytes: number) {
    this.path = path;
    this.sizeBytes = sizeBytes;
  }
}

export interface RekeyInput {
  readonly id: string;
  readonly unlock: UnlockChoice;
  readonly encryption: EncryptionChoice;
}

export interface ImportInput {
  readonly file: UploadedFile;
  /** Left out: the first of the default stores. */
  readonly store?: string | undefined;
  /** What opens it, to learn what it holds; without it an encrypted one is imported all the same. */
  readonly unlock?: UnlockChoice | undefined;
}

/** What a look at a store says of one artifact in it. */
export interface ScannedArtifact {
  readonly store: string;
  readonly artifactId: string;
  /**
   * LISTED: it is a backup now; KNOWN: it was one before, and this store had it; MERGED: it was one before, and this store has it
   * as well; INCOMPLETE: it was never finished, or is being written or deleted; FOREIGN: it holds what the catalog does not have;
   * UNREADABLE: something is wrong with it.
   */
  readonly state: "LISTED" | "KNOWN" | "MERGED" | "INCOMPLETE" | "FOREIGN" | "UNREADABLE";
  /** Why it is not listed; null: it is. */
  readonly message: string | null;
  /** The backup's; null: it is not listed. */
  readonly backupId: string | null;
}

export interface Keeping {
  /**
   * Gives a backup another passphrase, or other recipients, in every store that has it.
   * @throws HoldfastError NOT_FOUND, FORBIDDEN without MANAGE_BACKUPS, NOT_READY, BACKUP_DELETED, BACKUP_IN_USE, WRONG_PASSPHRASE and
   *   the others of an artifact that is opened, BAD_INPUT, BAD_RECIPIENT, STORE_FAILED
   */
  rekeyBackup(caller: Caller, input: RekeyInput, origin: Origin): Promise<Backup>;
  /**
   * Takes a single-file artifact into a store, under its own id, once every byte of it has proved to be the one that was written.
   * @returns its backup: also where the very same is kept already
   * @throws HoldfastError FORBIDDEN without MANAGE_BACKUPS; ARTIFACT_* and NOT_AN_ARTIFACT; FOREIGN_CONTENTS for entities that the
   *   catalog does not have; BAD_INPUT for an unknown store, or where another artifact has the id; STORE_FAILED
   */
  importBackup(caller: Caller, input: ImportInput, origin: Origin): Promise<Backup>;
  /**
   * Looks through stores, and lists what the ledger does not know. May be done again at any time.
   * @param stores names; left out: all
   * @throws HoldfastError FORBIDDEN without MANAGE_BACKUPS, BAD_INPUT for an unknown store, STORE_FAILED
   */
  scanStores(
    caller: Caller,
    stores: readonly string[] | undefined,
    origin: Origin,
  ): Promise<ScannedArtifact[]>;
}
