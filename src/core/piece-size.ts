// How large the pieces are that large tables are taken apart into, for several sessions and processes to share.

/** A smaller piece is not worth the round trips of its own. */
const PIECE_BYTES = 64 * 1024 * 1024;
/** So many pieces for each connection leave none of them idle for long at the end. */
const PIECES_PER_CONNECTION = 16;
/** Who loses a piece loses no more than that. */
const SHARED_PIECE_BYTES_MAX = 1024 * 1024 * 1024;

export interface PieceSizing {
  /** Sessions that will take pieces at the same time. */
  readonly connections: number;
  /** Whether other processes may take pieces too. */
  readonly shared?: boolean | undefined;
}

export function evenPieceBytes(totalBytes: number, { connections, shared = false }: PieceSizing): number {
  const evenBytes = Math.max(PIECE_BYTES, totalBytes / (connections * PIECES_PER_CONNECTION));
  return shared ? Math.min(SHARED_PIECE_BYTES_MAX, evenBytes) : evenBytes;
}
