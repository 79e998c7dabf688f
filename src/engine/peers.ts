// What an act may ask of other processes like its own: to take up pieces of its work. Who they are and how they are reached
// is not the engine's; what a piece is and what comes of it is.
import { z } from "zod";

const label = z.string().min(1);
const count = z.int().nonnegative();
const tableName = z.object({ schema: label, name: label });
const page = count.nullable();
const seal = z.object({ name: label, sizeBytes: count, sha256: z.string().regex(/^[0-9a-f]{64}$/) });

/** Some pages of a table, to be copied as of a snapshot and stored as parts of an artifact. Holds no secret. */
const copyPiece = z.object({
  kind: z.literal("COPY"),
  artifactId: z.uuid(),
  /** Whoever does not find these very bytes in a store has another store of that name. */
  header: seal,
  encryption: z.enum(["NONE", "PASSPHRASE", "RECIPIENTS"]),
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

const storedPart = seal.extend({ rows: count, rawBytes: count });

/** Parts of an artifact, to be loaded into a table that a restore has made for them: all of them or none. Holds no secret. */
const loadPiece = z.object({
  kind: z.literal("LOAD"),
  artifactId: z.uuid(),
  stores: z.array(label).min(1),
  database: label,
  /** The schema of this attempt at the restore. */
  schema: label,
  /** The live table, for messages. */
  table: tableName,
  staging: label,
  columns: z.array(label),
  parts: z.array(storedPart).min(1),
});

const piece = z.discriminatedUnion("kind", [copyPiece, loadPiece]);
export type Piece = z.infer<typeof piece>;

/** @throws ZodError for what is no piece: another version's */
export const parsePiece = (json: unknown): Piece => piece.parse(json);

/** What copying a piece has come to. */
const copied = z.object({
  parts: z.array(storedPart),
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
  /** Whatever a piece needs to be worked on that is secret: sealed for the run, until it ends. */
  entrust(secret: string): Promise<void>;
}
