// Copies the tables of one database, over several connections on one snapshot; and where there are peers, with their help.
import { PartBuffers } from "../codec/part-buffers.ts";
import { PART_RAW_BYTES, type EncodedPart } from "../codec/part.ts";
import { parseRowSum } from "../codec/row-sum.ts";
import type { EncryptionKind } from "../core/artifact.ts";
import { tableLabel } from "../core/catalog.ts";
import { isHoldfastError } from "../core/errors.ts";
import type { ProgressMeter } from "../core/progress.ts";
import { copyOutAndRelease, pieceBytesOf, planCopies, type CopyTask } from "../postgres/copy-out.ts";
import type { CopyBatch } from "../postgres/copy-tap.ts";
import type { Session } from "../postgres/session.ts";
import type { StoresSink } from "./artifact-stores.ts";
import type { ArtifactWriter } from "./artifact-writer.ts";
import { noteCopied, tableOf, type Contents, type OpenSource } from "./backup-contents.ts";
import { copyRange } from "./copy-piece.ts";
import { parseCopied, type CopyPiece, type Peers } from "./peers.ts";
import { WorkList, type Task } from "./work-list.ts";

export interface Copying {
  readonly contents: Contents;
  readonly writer: ArtifactWriter;
  readonly meter: ProgressMeter;
  readonly artifactId: string;
  readonly encryption: EncryptionKind;
  /** At the same time, of this process. */
  readonly connections: number;
  readonly sharing: { readonly peers: Peers; readonly sink: StoresSink } | undefined;
  /** Called when somebody has begun a piece and not done it: he may have left parts of it. */
  readonly onCameBack: () => void;
  readonly signal: AbortSignal;
}

/** A piece's rows take less than so many times their size as stored, or else it is not for others. */
const TEXT_PER_STORED_BYTE = 8;
/** A session does not wait until so little is stored: of thousands of small tables most of the time would be waiting. */
const SMALL_BYTES = 1024 * 1024;
/** So many small ranges of a session may be on their way into the stores, and so large together: a store syncs what comes at once at once. */
const STORING_AT_ONCE = 32;
const STORING_BYTES = 8 * SMALL_BYTES;
/** Small ranges that together are no more than one of them may be are asked for at once, so many at most. */
const ASKED_AT_ONCE = 32;

/** Starts the sessions; each takes the next task until none is left. */
export function copyTables(source: OpenSource, copying: Copying): Promise<void>[] {
  const { snapshot } = source;
  const { signal, sharing, meter, contents } = copying;
  const connections = Math.min(copying.connections, 1 + snapshot.freeConnections);
  const { serverVersion } = snapshot.leader;
  const plan = { connections, serverVersion, shared: sharing !== undefined };
  const pieceBytes = sharing?.peers.pieceBytes ?? pieceBytesOf(snapshot.tables, plan);
  const tasks = planCopies(snapshot.tables, { ...plan, pieceBytes });
  const left = new Map(
    [...Map.groupBy(tasks, ({ table }) => table)].map(([table, own]) => [table, own.length]),
  );
  const end = ({ table: shape }: CopyTask): void => {
    const others = (left.get(shape) ?? 0) - 1;
    left.set(shape, others);
    const { table } = tableOf(contents, shape);
    if (others === 0) meter.endTable({ entity: table.entity, table: tableLabel(table) });
  };
  const count = ({ table: shape }: CopyTask, rows: number, bytes: number): void => {
    const { table } = tableOf(contents, shape);
    meter.add({ rows, bytes, entity: table.entity, table: tableLabel(table) });
  };
  const buffers = new PartBuffers();
  const copy = async (
    batches: AsyncGenerator<CopyBatch, void, undefined>,
    task: CopyTask,
    onRead: () => void,
  ): Promise<void> => {
    const { recipient } = copying.writer;
    const onRows = (rows: number, bytes: number) => count(task, rows, bytes);
    const store = (part: EncodedPart) => copying.writer.addPart(part);
    const options = { recipient, signal, onRows, store, buffers };
    noteCopied(contents, task.table, await copyRange(batches, task, options, onRead));
    end(task);
  };
  const list = new WorkList<CopyTask>(
    {
      items: tasks,
      sizeBytes: ({ sizeBytes }) => sizeBytes,
      describe: async (task) => describeTask(source, copying, task),
      accept: async (task, result) => {
        await adopt(copying, task, result);
        end(task);
      },
      onProgress: (task, { rows, bytes }) => count(task, rows, bytes),
    },
    {
      peers: sharing?.peers,
      pieceBytes,
      placesMax: async () => Math.max(0, snapshot.freeConnections - (connections - 1)),
      signal,
    },
  );
  const work = async (session: Session): Promise<void> => {
    const storing = new Set<Promise<void>>();
    let storingBytes = 0;
    const isSmall = (item: CopyTask) => item.sizeBytes <= SMALL_BYTES && !list.isForOthers(item);
    const isFull = () => storing.size >= STORING_AT_ONCE || storingBytes >= STORING_BYTES;
    try {
      for (let first = await list.take(); first !== undefined; first = await list.take()) {
        const tasks = [first, ...(isSmall(first.item) ? takeSmall(list, first, isSmall) : [])];
        const batches = copyOutAndRelease(
          session,
          tasks.map(({ item }) => item),
        );
        for (const { item, again } of tasks) {
          if (again) copying.onCameBack();
          const read = Promise.withResolvers<void>();
          // One that has failed stays, for whoever waits next.
          const stored = copy(batches, item, read.resolve).then(() => {
            storing.delete(stored);
            storingBytes -= item.sizeBytes;
          });
          stored.catch(() => {});
          storing.add(stored);
          storingBytes += item.sizeBytes;
          if (!isSmall(item)) await stored;
          await Promise.race([read.promise, stored]);
          while (isFull()) await Promise.race(storing);
        }
        // The session is free once the server has given the locks back.
        await batches.next();
      }
      await Promise.all(storing);
    } finally {
      list.close();
    }
  };
  const joinAndWork = async (): Promise<void> => {
    const session = await snapshot.join(signal).catch((error: unknown) => {
      // Somebody waits for the leader to end, or took the last connection; it and those who have joined can do the work.
      if (isHoldfastError(error, "TABLE_LOCKED") || isHoldfastError(error, "DATABASE_UNREACHABLE"))
        return undefined;
      throw error;
    });
    if (session !== undefined) await work(session);
  };
  const others = Math.max(0, Math.min(connections, tasks.length) - 1);
  return [...Array.from({ length: others }, joinAndWork), work(snapshot.leader)];
}

/** What a session asks for together with its next task. */
function* takeSmall(
  list: WorkList<CopyTask>,
  first: Task<CopyTask>,
  isSmall: (item: CopyTask) => boolean,
): Generator<Task<CopyTask>> {
  let leftBytes = SMALL_BYTES - first.item.sizeBytes;
  for (let count = 1; count < ASKED_AT_ONCE; count++) {
    const task = list.takeIf((item) => isSmall(item) && item.sizeBytes <= leftBytes);
    if (task === undefined) return;
    leftBytes -= task.item.sizeBytes;
    yield task;
  }
}

function describeTask(
  { database, snapshot }: OpenSource,
  { artifactId, encryption, writer, sharing }: Copying,
  { leaf, columns, pages, sizeBytes }: CopyTask,
): CopyPiece {
  const count = 4 + Math.ceil((sizeBytes * TEXT_PER_STORED_BYTE) / PART_RAW_BYTES);
  const { schema, name, oid } = leaf;
  return {
    kind: "COPY",
    ...{ artifactId, header: writer.header, encryption, recipient: writer.recipient },
    stores: [...(sharing?.sink.stores ?? [])],
    database: database.name,
    snapshot: snapshot.name,
    ...{ leaf: { schema, name, oid }, columns: [...columns], pages },
    numbers: { first: writer.reserveParts(count), count },
  };
}

/** @throws where the parts are not in every store */
async function adopt(
  { writer, contents, sharing, signal }: Copying,
  task: CopyTask,
  result: unknown,
): Promise<void> {
  const { parts, sum } = parseCopied(result);
  for (const part of parts)
    if ((await sharing?.sink.holds(part, signal)) !== true) throw new Error(`${part.name} is not there`);
  for (const { name, sizeBytes, sha256 } of parts) writer.adoptPart({ name, sizeBytes, sha256 });
  noteCopied(contents, task.table, { parts, sum: parseRowSum(sum) });
}
