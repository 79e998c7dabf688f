// A piece of a backup that another process coordinates: joined to its snapshot, copied, encrypted, and stored beside the other parts.
import { readWithin, sha256 } from "../codec/digest.ts";
import { PartBuffers } from "../codec/part-buffers.ts";
import { formatRowSum } from "../codec/row-sum.ts";
import { partName } from "../core/artifact.ts";
import { HoldfastError } from "../core/errors.ts";
import { openDatabase } from "../postgres/connect.ts";
import { copyOutAndRelease } from "../postgres/copy-out.ts";
import { joinSnapshot } from "../postgres/snapshot.ts";
import type { Store } from "../store/store.ts";
import { sinkInto } from "./artifact-stores.ts";
import { copyRange } from "./copy-piece.ts";
import type { Copied, CopyPiece, PieceControl, PieceDeps, PieceWork } from "./peers.ts";

/**
 * Copies the piece into every store that it names. When it rejects, nothing of it is left in a store that can be reached.
 * @returns with `Copied` as the result
 * @throws HoldfastError where the piece cannot be done here: STORE_FAILED, CONFIG_INVALID for a store that is another one here,
 *   SUPERSEDED, TABLE_LOCKED, ...; the signal's reason
 */
export async function helpCopy(deps: PieceDeps, piece: CopyPiece, control: PieceControl): Promise<PieceWork> {
  const { signal } = control;
  for (const name of piece.stores) await checkStore(deps.stores.get(name), name, piece, signal);
  const database = openDatabase({
    name: piece.database,
    url: deps.databaseUrl(piece.database),
    applicationName: "holdfast backup",
    maxConnections: 1,
  });
  const sink = sinkInto(deps.stores, piece.stores, piece.artifactId);
  const retract = () => sink.abort().catch(() => undefined);
  try {
    const session = await joinSnapshot(database, piece.snapshot, piece.leaf, signal);
    const buffers = new PartBuffers();
    const counted = { rows: 0, bytes: 0 };
    let stored = 0;
    const batches = copyOutAndRelease(session, [piece]);
    const { parts, sum } = await copyRange(batches, piece, {
      recipient: piece.recipient,
      signal,
      buffers,
      onRows: (rows, bytes) => {
        counted.rows += rows;
        counted.bytes += bytes;
        control.onProgress({ ...counted });
      },
      store: async ({ bytes, sha256: hash, release }) => {
        if (stored === piece.numbers.count)
          throw new HoldfastError("INTERNAL", "The piece has more parts than it has numbers for.");
        const name = partName(piece.numbers.first + stored, piece.encryption);
        stored += 1;
        await sink.put(name, bytes, bytes.length, signal);
        // A store that fails here may be sound for all others: then somebody else is to do the piece.
        const [failed] = sink.failures;
        if (failed !== undefined) throw failed.error;
        const sizeBytes = bytes.length;
        release();
        return { name, sizeBytes, sha256: hash };
      },
    });
    await batches.next();
    await sink.finish();
    const result: Copied = { parts: [...parts], sum: formatRowSum(sum) };
    return { result, retract };
  } catch (error) {
    await retract();
    throw error;
  } finally {
    await database.close();
  }
}

/** A directory of this host's own may have the name of the one that the others share. */
async function checkStore(
  store: Store | undefined,
  name: string,
  { artifactId, header }: CopyPiece,
  signal: AbortSignal,
): Promise<void> {
  if (store === undefined) throw new HoldfastError("CONFIG_INVALID", `There is no store ${name} here.`);
  const key = `${artifactId}/${header.name}`;
  const bytes = await readWithin(store.get(key, { signal }), header.name, header.sizeBytes);
  if (sha256(bytes) !== header.sha256)
    throw new HoldfastError("CONFIG_INVALID", `The store ${name} is another one here.`);
}
