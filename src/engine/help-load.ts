// A piece of a restore that another process coordinates: parts, read and checked as that process would, loaded into its staging.
import { openDatabase } from "../postgres/connect.ts";
import { stageRows } from "../postgres/stage-rows.ts";
import { loadPiece } from "../postgres/staging-pieces.ts";
import { sourceFrom } from "./artifact-copies.ts";
import { openArtifact } from "./artifact-reader.ts";
import { loadPart } from "./load-part.ts";
import type { LoadPiece, PieceControl, PieceDeps, PieceWork } from "./peers.ts";

/**
 * Loads the piece's rows in one transaction. When it rejects, none of them is there, and none ever will be.
 * @param artifactIdentity undefined: none was entrusted
 * @returns without a result: what was loaded stands in the database
 * @throws HoldfastError where the piece cannot be done here: STORE_FAILED, ARTIFACT_*, CONFIG_INVALID, SUPERSEDED, ...; the
 *   signal's reason
 */
export async function helpLoad(
  deps: PieceDeps,
  piece: LoadPiece,
  artifactIdentity: string | undefined,
  { signal, onProgress }: PieceControl,
): Promise<PieceWork> {
  const { artifactId: id, encryption, manifestSha256, table, place } = piece;
  const expected = { id, encryption, manifestSha256 };
  const source = await sourceFrom(deps.stores, piece.stores, id, { ...expected, signal });
  const artifact = await openArtifact(source, { artifactIdentity }, signal, expected);
  const wanted = new Set(piece.parts);
  const parts = artifact.manifest.parts.filter(({ name }) => wanted.has(name));
  const database = openDatabase({
    name: piece.database,
    url: deps.databaseUrl(piece.database),
    applicationName: "holdfast restore",
    maxConnections: 1,
  });
  const counted = { rows: 0, bytes: 0 };
  const onRows = (rows: number, bytes: number): void => {
    counted.rows += rows;
    counted.bytes += bytes;
    onProgress({ ...counted });
  };
  try {
    const session = await database.session(signal);
    await loadPiece(session, piece, async () => {
      const load = (chunks: AsyncIterable<Uint8Array>) => stageRows(session, table, place, chunks);
      let rows = 0;
      for (const part of parts) rows += await loadPart(artifact, part, { load, table, onRows, signal });
      return rows;
    });
    return { result: null, retract: async () => undefined };
  } finally {
    await database.close();
  }
}
