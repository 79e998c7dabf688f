// Reads an upload: a multipart form with exactly one file, which is written away as it comes.
import type { IncomingMessage } from "node:http";
import busboy from "busboy";
import { HoldfastError } from "../../core/errors.ts";
import type { SpooledFile } from "./spool.ts";

export interface UploadOptions {
  /** A client that sends nothing for so long is one that has gone: its connection is ended. */
  readonly stallMs: number;
  /** Of the request: aborted when the client leaves. */
  readonly signal: AbortSignal;
}

/** The one field of the form. */
const FIELD = "backup";
/** More than one of anything is a fault, and two suffice to see it. */
const LIMITS = { files: 2, fields: 2, parts: 3, fieldSize: 4096, headerPairs: 50 };

/**
 * Writes the file of the form's field into `target`. At the first fault this rejects, and the rest of the body is left unread.
 * @throws HoldfastError BAD_INPUT with a hint for a form that is not of that form, or a file that is empty; NO_SPACE; the
 *   signal's reason
 */
export async function receiveUpload(
  incoming: IncomingMessage,
  target: SpooledFile,
  { stallMs, signal }: UploadOptions,
): Promise<void> {
  const form = openForm(incoming);
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  const over = Promise.withResolvers<void>();
  let filled: Promise<number> | undefined;

  form.on("file", (name, bytes) => {
    bytes.on("error", () => undefined); // what ends the file early is told by the form
    if (name !== FIELD) over.reject(misnamed(name));
    else if (filled !== undefined) over.reject(fault("The form has two files.", "Send one file at a time."));
    else {
      filled = target.fill(bytes, either);
      filled.catch(over.reject);
    }
  });
  form.on("field", (name, value) => over.reject(name === FIELD ? textForFile(value) : misnamed(name)));
  form.on("error", (error) => over.reject(malformed(error)));
  form.on("close", over.resolve);

  const leave = () => over.reject(signal.reason);
  if (signal.aborted) leave();
  signal.addEventListener("abort", leave, { once: true });
  incoming.setTimeout(stallMs, () => incoming.destroy());
  incoming.on("error", () => undefined); // the connection is gone, which the signal tells
  incoming.pipe(form);
  try {
    await over.promise;
    if (filled === undefined)
      throw fault(
        `The form has no field ${FIELD}.`,
        `Type --form ${FIELD}=@auth.db, with the file's own name.`,
      );
    if ((await filled) === 0)
      throw fault(
        "The file is empty.",
        "Send the file as it came from the server; look whether its download failed.",
      );
  } catch (error) {
    stop.abort(error);
    await filled?.catch(() => undefined);
    throw error;
  } finally {
    incoming.setTimeout(0);
    signal.removeEventListener("abort", leave);
    incoming.unpipe(form);
    form.destroy();
  }
}

function openForm(incoming: IncomingMessage): busboy.Busboy {
  const type = incoming.headers["content-type"] ?? "";
  if (!/^multipart\/form-data\b/i.test(type)) {
    throw fault(
      "The body is no form with a file.",
      `Send multipart/form-data: with curl, --form ${FIELD}=@auth.db instead of --data.`,
    );
  }
  try {
    return busboy({ headers: incoming.headers, limits: LIMITS });
  } catch (error) {
    throw malformed(error);
  }
}

function textForFile(value: string): HoldfastError {
  const name = /^[\p{L}\p{N} ._/~-]{1,200}$/u.test(value) ? value : "auth.db";
  return fault(
    `The field ${FIELD} is text where a file is due: the @ is missing.`,
    `Type --form ${FIELD}=@${name}`,
  );
}

function misnamed(name: string | undefined): HoldfastError {
  return fault(
    `The form has a field ${JSON.stringify(name ?? "")} that is not known.`,
    `The file goes in the field ${FIELD} (--form ${FIELD}=@auth.db), mode and dry-run into the query.`,
  );
}

function malformed(cause: unknown): HoldfastError {
  const reason = cause instanceof Error ? `: ${cause.message}` : "";
  return new HoldfastError("BAD_INPUT", `The form cannot be read${reason}.`, {
    hint: `Send it as curl does: --form ${FIELD}=@auth.db`,
    cause,
  });
}

function fault(message: string, hint: string): HoldfastError {
  return new HoldfastError("BAD_INPUT", message, { hint });
}
