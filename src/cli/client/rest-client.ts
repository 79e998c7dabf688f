// The streaming endpoints: an artifact downloaded as it comes, and a file sent to be restored. Both with flat memory.
import { openAsBlob } from "node:fs";
import type { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { z } from "zod";
import { HoldfastError, isHoldfastError } from "../../core/errors.ts";
import { formatRowSelections } from "../../core/row-selection.ts";
import type { RestoreMode, RowSelection } from "../../core/run.ts";
import type { Unlock } from "../../engine/artifact-reader.ts";
import { countBytes } from "./count-bytes.ts";
import type { Connection } from "./connection.ts";
import { artifactSignature, lockOutReasons } from "./operations.ts";
import { fromRemote } from "./remote-error.ts";

/** Told of the bytes that have passed, and of how many there will be where that is known. */
export type OnBytes = (bytes: number, totalBytes: number | null) => void;

export interface GroupRestore {
  /** In lower case, as the path has it. */
  readonly group: string;
  /** A single-file artifact. */
  readonly file: string;
  readonly mode: RestoreMode;
  /** Left out: all that the file holds. */
  readonly rows?: readonly RowSelection[] | undefined;
  readonly dryRun: boolean;
  readonly expectPlan: string | undefined;
  readonly allowUntrusted?: boolean | undefined;
  readonly confirmLockOut?: boolean | undefined;
  readonly unlock: Unlock;
}

/** All throw what the server said as a HoldfastError of the same code; SERVER_UNREACHABLE; the signal's reason. */
export interface RestClient {
  /** The single-file form of a stored backup, into a stream that stays open. */
  download(backupId: string, stream: Writable, onBytes: OnBytes): Promise<void>;
  restoreGroup(order: GroupRestore, onBytes: OnBytes): Promise<z.infer<typeof restored>>;
}

const failed = z.object({
  error: z.object({ code: z.string(), message: z.string(), hint: z.string().optional() }),
});
const count = z.int();
const restored = z.object({
  changes: z.array(
    z.object({
      ...{ entity: z.string(), table: z.string() },
      ...{ inserted: count, updated: count, unchanged: count, deleted: count },
    }),
  ),
  plan: z.string(),
  signature: artifactSignature.optional(),
  lockOut: lockOutReasons.optional(),
});

export function createRestClient({ server, token }: Connection, signal: AbortSignal): RestClient {
  const send = async (path: string, request: RequestInit): Promise<Response> => {
    const url = `${server}/api/v1/${path}`;
    const headers = new Headers(request.headers);
    headers.set("authorization", `Bearer ${token}`);
    const response = await fetch(url, { ...request, headers, signal }).catch((error: unknown) => {
      signal.throwIfAborted();
      throw unreachable(url, error);
    });
    if (!response.ok) throw await failureOf(response, url);
    return response;
  };

  return {
    async download(backupId, stream, onBytes) {
      const response = await send(`backups/${encodeURIComponent(backupId)}/download`, {});
      const length = Number(response.headers.get("content-length") ?? "");
      const total = length > 0 ? length : null;
      if (response.body === null) throw unreachable(response.url, new Error("the answer is empty"));
      try {
        await pipeline(response.body.pipeThrough(countBytes((bytes) => onBytes(bytes, total))), stream, {
          end: false,
          signal,
        });
      } catch (error) {
        signal.throwIfAborted();
        throw isHoldfastError(error) ? error : unreachable(response.url, error);
      }
    },

    async restoreGroup({ group, file, mode, rows = [], dryRun, expectPlan, unlock, ...choice }, onBytes) {
      const query = new URLSearchParams({ mode: mode.toLowerCase().replaceAll("_", "-") });
      for (const text of formatRowSelections(rows)) query.append("only", text);
      if (dryRun) query.set("dry-run", "true");
      if (choice.confirmLockOut === true) query.set("confirm-lock-out", "true");
      if (choice.allowUntrusted === true) query.set("allow-untrusted", "true");
      if (expectPlan !== undefined) query.set("expect-plan", expectPlan);
      const form = new FormData();
      const blob = await openAsBlob(file);
      form.set("backup", blob, `${group}.db`);
      // As it would be sent, so that what has been sent can be counted.
      const { body, headers } = new Response(form);
      if (body === null) throw new Error("A form has a body.");
      if (unlock.passphrase !== undefined) headers.set("Holdfast-Passphrase", headerText(unlock.passphrase));
      if (unlock.identity !== undefined) headers.set("Holdfast-Identity", identityLine(unlock.identity));
      const counting = body.pipeThrough(countBytes((bytes) => onBytes(bytes, blob.size)));
      const response = await send(`restore/${group}?${query}`, {
        ...{ method: "POST", headers, body: counting, duplex: "half" },
      });
      const answer = restored.safeParse(await response.json().catch(() => undefined));
      if (answer.success) return answer.data;
      throw unreachable(response.url, new Error("it does not answer as Holdfast does"));
    },
  };
}

/** HTTP takes headers for Latin-1; the server reads the bytes as UTF-8. */
function headerText(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}

/** Files with identities have comments as well, and a header is one line. */
function identityLine(text: string): string {
  const lines = text.split("\n").map((line) => line.trim());
  return lines.find((line) => line !== "" && !line.startsWith("#")) ?? "";
}

async function failureOf(response: Response, url: string): Promise<HoldfastError> {
  const answer = failed.safeParse(await response.json().catch(() => undefined));
  if (answer.success) return fromRemote(answer.data.error);
  return unreachable(url, new Error(`it answers ${response.status} and does not say why`));
}

function unreachable(url: string, error: unknown): HoldfastError {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new HoldfastError("SERVER_UNREACHABLE", `${url}: ${reason}`, { cause: error });
}
