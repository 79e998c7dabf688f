// The few connections that an SFTP store has: opened when there is work for them, shared by what goes on at the same time,
// opened anew where one is lost, and closed when nobody has needed them for a while.
import { setTimeout as delay } from "node:timers/promises";
import { HoldfastError } from "../core/errors.ts";
import { ConnectionLost, type SftpConnection } from "./sftp-connection.ts";

const CONNECTIONS_MAX = 3;
/** After a connection was lost, or none could be made. Then the store has failed. */
const RETRY_DELAYS_MS = [100, 500, 2_000];
const IDLE_MS = 30_000;

export interface SftpPool {
  /**
   * Runs something that may be run again, until it has an answer.
   * @throws HoldfastError STORE_FAILED where there is no connection to be had; the signal's reason; what else `attempt` throws
   */
  persist<T>(attempt: () => Promise<T>, signal?: AbortSignal): Promise<T>;
  /** A connection, shared with others: to be given back. @throws ConnectionLost, HoldfastError as `dialSftp` */
  lease(): Promise<SftpLease>;
  close(): Promise<void>;
}

export interface SftpLease {
  readonly connection: SftpConnection;
  /** May be called again. */
  release(): void;
}

interface Line {
  readonly connection: Promise<SftpConnection>;
  users: number;
  idle: NodeJS.Timeout | undefined;
}

export function sftpPool(dial: () => Promise<SftpConnection>): SftpPool {
  const lines = new Set<Line>();
  let isClosed = false;

  const hangUp = async (line: Line): Promise<void> => {
    lines.delete(line);
    clearTimeout(line.idle);
    await line.connection.then((connection) => connection.close()).catch(() => undefined);
  };
  const choose = (): Line => {
    const leastBusy = [...lines].toSorted((one, other) => one.users - other.users)[0];
    if (leastBusy !== undefined && (leastBusy.users === 0 || lines.size >= CONNECTIONS_MAX)) return leastBusy;
    const line: Line = { connection: dial(), users: 0, idle: undefined };
    lines.add(line);
    return line;
  };
  const lease = async (): Promise<SftpLease> => {
    if (isClosed) throw new Error("the store is closed");
    const line = choose();
    line.users += 1;
    clearTimeout(line.idle);
    let isHeld = true;
    const release = () => {
      if (!isHeld) return;
      isHeld = false;
      line.users -= 1;
      if (line.users === 0) line.idle = setTimeout(() => void hangUp(line), IDLE_MS).unref();
    };
    try {
      const connection = await line.connection;
      if (connection.isOpen) return { connection, release };
    } catch (error) {
      lines.delete(line);
      release();
      throw error;
    }
    // It was lost while nobody used it, which is no failure.
    lines.delete(line);
    release();
    return lease();
  };

  return {
    lease,
    persist: async (attempt, signal) => {
      for (let failures = 0; ; failures++) {
        signal?.throwIfAborted();
        try {
          return await untilAborted(attempt(), signal);
        } catch (error) {
          signal?.throwIfAborted();
          if (!(error instanceof ConnectionLost)) throw error;
          const delayMs = RETRY_DELAYS_MS[failures];
          if (delayMs === undefined || isClosed)
            throw new HoldfastError("STORE_FAILED", `The SFTP store cannot be reached: ${error.message}`);
          await delay(delayMs, undefined, signal && { signal }).catch(() => signal?.throwIfAborted());
        }
      }
    },
    close: async () => {
      isClosed = true;
      await Promise.all([...lines].map(hangUp));
    },
  };
}

/** What has been begun ends by itself, unheard. */
async function untilAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  work.catch(() => undefined);
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
