// The contract of a store: where artifacts live. test/store/conformance.ts is the suite that every store passes.

export interface StoredObject {
  /** Segments joined by "/", never absolute, never with "." or ".." in it. */
  readonly key: string;
  readonly sizeBytes: number;
  readonly modifiedAt: Date;
}

export interface PutOptions {
  /** The length where it is known; a body of another length is an error. */
  readonly sizeBytes?: number;
  readonly signal?: AbortSignal;
}

export interface GetOptions {
  /** First byte, counted from 0; left out: from the start. */
  readonly start?: number;
  /** The byte after the last; left out: to the end. */
  readonly end?: number;
  readonly signal?: AbortSignal;
}

export interface LookOptions {
  readonly signal?: AbortSignal;
}

/**
 * A flat space of immutable objects. Every operation throws HoldfastError STORE_FAILED when the medium fails and
 * BAD_INPUT for a key that is not one; the signal's reason when it is aborted.
 */
export interface Store {
  /** For people and for `Store.kind`: "fs", "sftp", "s3", "memory". */
  readonly kind: string;
  /** Where it is, for people: a directory or a URL. Holds no secret. */
  readonly place: string;
  /** Writes the object whole or not at all, over whatever had the key; durable once it resolves. */
  put(key: string, body: Uint8Array | AsyncIterable<Uint8Array>, options?: PutOptions): Promise<void>;
  /** Streams the object's bytes, or a range of them; NOT_FOUND at the first read if there is no such object. */
  get(key: string, options?: GetOptions): AsyncIterable<Uint8Array>;
  /** Every object whose key starts with the prefix (exactly, as a string), in order of key. */
  list(prefix: string, options?: LookOptions): AsyncIterable<StoredObject>;
  stat(key: string, options?: LookOptions): Promise<StoredObject | undefined>;
  /** Succeeds also where there is nothing to delete. */
  delete(key: string, options?: LookOptions): Promise<void>;
  /**
   * Takes away what puts have begun and not finished, whichever process they were of: one that has died, or one that is
   * still at it, whose put then fails. Objects stay. What a medium does not show is left to the medium.
   * @param segment only of keys that begin with it and "/"
   */
  deleteUnfinished(segment: string, options?: LookOptions): Promise<void>;
  /** Ends connections; nothing else may be called after. */
  close(): Promise<void>;
}

/** What it takes to read from a store, or from several as if they were one. */
export type ReadableStore = Pick<Store, "get" | "list" | "stat">;
