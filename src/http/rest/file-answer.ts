// Answers that are files: sent no faster than they are taken, and never ended as if they were whole when they are not.
import type { ServerResponse } from "node:http";

export interface FileAnswerOptions {
  /** A client that takes nothing for so long is one that has gone. */
  readonly stallMs: number;
  /** Told what the bytes failed with. */
  readonly onFailure: (error: unknown) => void;
}

/**
 * The body of an answer. When the bytes fail, or are not taken, the connection is cut: a client sees that the answer has
 * no end. (A body that fails by itself would have words of the server's adapter appended to it.)
 */
export function fileBody(
  outgoing: ServerResponse,
  bytes: AsyncIterable<Uint8Array>,
  { stallMs, onFailure }: FileAnswerOptions,
): ReadableStream<Uint8Array> {
  outgoing.setTimeout(stallMs, () => {
    // With nothing left to send it is the bytes that are slow, not the client.
    if (outgoing.writableLength > 0) outgoing.destroy();
  });
  const chunks = bytes[Symbol.asyncIterator]();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const next = await chunks.next();
          if (next.done === true) controller.close();
          else controller.enqueue(next.value);
        } catch (error) {
          onFailure(error);
          // What has been written of it still arrives; the answer has no end.
          outgoing.socket?.destroySoon();
        }
      },
      async cancel() {
        await chunks.return?.();
      },
    },
    { highWaterMark: 0 },
  );
}

/** `Content-Disposition` for a name that may hold anything. */
export function attachment(name: string): string {
  const safe = name.replaceAll(/[\p{Cc}\p{Cs}/\\]/gu, "_").replace(/^\.+/, "_");
  if (/^[\w.-]+$/.test(safe)) return `attachment; filename=${safe}`;
  const plain = safe.replaceAll(/[^\x20-\x7e]|["%]/gu, "_");
  const encoded = encodeURIComponent(safe).replaceAll(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16)}`,
  );
  return `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`;
}
