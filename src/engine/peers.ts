// What an act may ask of other processes like its own: to take up pieces of its work. Who they are and how they are reached
// is not the engine's; what a piece is and what comes of it is.
import { z } from "zod";
import type { Store } from "../store/store.ts";

const label = z.string().min(1);
const count = z.int().nonnegative();
const tableName = z.object({ schema: label, name: label });
const page = count.nullable();
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const seal = z.object({ name: label, sizeBytes: count, sha256 });
const encryption = z.enum(["NONE", "PASSPHRASE", "RECIPIENTS"]);

/** Some pages of a table, to be copied as of a snapshot and stored as parts of an artifact. Holds no secret. */
const copyPiece = z.object({
  kind: z.literal("COPY"),
  artifactId: z.uuid(),
  /** Whoever does not find these very bytes in a store has another store of that name. */
  header: seal,
  encryption,
  /** The artifact's own; null: it is not encrypted. */
  recipient: label.nullable(),
  stores: z.array(label).min(1),
  database: label,
  /** As `pg_export_snapshot` named it, and what is visible in it: no other server's snapshot of that name is the same. */
  snapshot: z.object({ id: label, visible: label }),
  leaf: tableName.extend({ oid: count }),
  columns: z.array(label),
  pages: z.object({ from: page, to: page }),
  /** The numbers that its parts may have; nobody else uses them. */
  numbers: z.object({ first: z.int().positive(), count: z.int().positive() }),
});
export type CopyPiece = z.infer<typeof copyPiece>;

/**
 * Parts of an artifact, to be loaded into a table that a restore has made for them: all of them or none. Holds no secret; the
 * artifact's own identity, where it has one, was entrusted.
 */
const loadPiece = z.object({
  kind: z.literal("LOAD"),
  artifactId: z.uuid(),
  encryption,
  /** Of the manifest as stored, which commits to every part: whoever finds another one has another store of that name. */
  manifestSha256: sha256,
  stores: z.array(label).min(1),
  database: label,
  /** The schema of this attempt at the restore, and the piece's number in it. */
  schema: label,
  number: z.int().positive(),
  /** The live table, for messages. */
  table: tableName,
  place: z.object({ table: tableName, columns: z.array(label) }),
  /** Names of parts, all of that table. */
  parts: z.array(label).min(1),
});
export type LoadPiece = z.infer<typeof loadPiece>;

const piece = z.discriminatedUnion("kind", [copyPiece, loadPiece]);
export type Piece = z.infer<typeof piece>;

/** @throws ZodError for what is no piece: another version's */
export const parsePiece = (json: unknown): Piece => piece.parse(json);

/** What copying a piece has come to. */
const copied = z.object({
  parts: z.array(seal.extend({ rows: count, rawBytes: count })),
  /** Of its rows, as `formatRowSum` writes it. */
  sum: z.string().regex(/^[0-9a-f]{16}$/),
});
export type Copied = z.infer<typeof copied>;
/** @throws ZodError */
export const parseCopied = (json: unknown): Copied => copied.parse(json);

/** How far somebody is with a piece: all that has been counted of it so far. */
export interface PieceProgress {
  readonly rows: number;
  readonly bytes: number;
}

/** What became of a piece that was offered. */
export type Settlement =
  | { readonly done: true; readonly result: unknown }
  /** Whoever had it has given it back, or has been lost: it is still to be done. */
  | { readonly done: false; readonly reason: string };

export interface Offer {
  /** true: nobody has begun it, and nobody will. */
  retract(): Promise<boolean>;
  /** Never rejects. Not after it was retracted. */
  readonly settled: Promise<Settlement>;
}

/** Other processes that can take up pieces of an act. */
export interface Peers {
  /** From how much work left on it is worth being shared. */
  readonly fromBytes: number;
  /** The size of a piece; left out: as the act sees fit. */
  readonly pieceBytes?: number | undefined;
  /** How many pieces they could work on at this moment, all together. */
  room(): Promise<number>;
  /**
   * Offers a piece to whoever has room for it.
   * @param onProgress called now and then while somebody works on it
   * @throws where it cannot be offered: then nobody has it
   */
  offer(piece: Piece, onProgress: (progress: PieceProgress) => void): Promise<Offer>;
  /** Whatever the pieces need to be worked on that is secret: sealed for the run, until it ends. To be called before an offer. */
  entrust(secret: string): Promise<void>;
}

/** What working on somebody else's piece takes. */
export interface PieceDeps {
  /** The URL of a database of the catalog, by name. */
  readonly databaseUrl: (name: string) => string;
  /** By name. */
  readonly stores: ReadonlyMap<string, Store>;
}

export interface PieceControl {
  /** Aborted: the work stops within two seconds, and leaves nothing. */
  readonly signal: AbortSignal;
  /** Called at every step, with all that has been done so far. */
  readonly onProgress: (progress: PieceProgress) => void;
}

/** A piece that was done. */
export interface PieceWork {
  /** For whoever has offered it. */
  readonly result: unknown;
  /** Takes back what was done, where nobody wants it any more. Never rejects. */
  readonly retract: () => Promise<void>;
}
