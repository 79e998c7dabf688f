// What a command reads: an artifact in a file or a directory, or the portable form, from wherever it comes. Which of them
// it is, is seen from its first bytes.
import { createReadStream, createWriteStream } from "node:fs";
import { open, stat } from "node:fs/promises";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import { HEADER_NAME } from "../../core/artifact.ts";
import { HoldfastError } from "../../core/errors.ts";
import { storeSink, storeSource, tarSource, type ArtifactSource } from "../../engine/artifact-io.ts";
import { readPortable } from "../../engine/portable-reader.ts";
import { fsStore } from "../../store/fs.ts";
import { UsageError } from "../failure.ts";
import { STANDARD } from "./output.ts";
import { makePrivateDirectory } from "./private-directory.ts";

export interface Input extends AsyncDisposable {
  /** As it was named, for messages. */
  readonly name: string;
  readonly form: "artifact" | "portable";
  readonly source: ArtifactSource;
  /** The path of the artifact's single-file form, where it came in that. */
  readonly file: string | undefined;
}

/**
 * Opens an input; its user disposes of it. Standard input and documents in JSON are first written, in bounded memory, to a
 * private directory, for an artifact is read more than once and not in order.
 * @param name of a file or of a directory with an artifact's objects, or `-`
 * @throws HoldfastError NOT_FOUND, NOT_AN_ARTIFACT, ARTIFACT_INCOMPLETE, ARTIFACT_CORRUPT; UsageError for `-` at a terminal
 */
export async function openInput(name: string, signal: AbortSignal): Promise<Input> {
  await using opened = new AsyncDisposableStack();
  const file = name === STANDARD ? await spoolStandardInput(opened, signal) : name;
  const described = name === STANDARD ? "standard input" : name;
  const form = await recognise(file, described);
  const source =
    form === "directory"
      ? await directorySource(file)
      : form === "portable"
        ? await portableSource(file, opened, signal)
        : await tarSource(file);
  opened.defer(() => source.close());
  const closing = opened.move();
  return {
    name: described,
    form: form === "portable" ? "portable" : "artifact",
    source,
    file: form === "tar" ? file : undefined,
    [Symbol.asyncDispose]: () => closing.disposeAsync(),
  };
}

async function spoolStandardInput(opened: AsyncDisposableStack, signal: AbortSignal): Promise<string> {
  if (process.stdin.isTTY)
    throw new UsageError(
      "Standard input is the terminal.",
      "Pipe the backup in: ... | holdfast restore --input -",
    );
  const { path: directory } = opened.use(await makePrivateDirectory());
  const file = path.join(directory, "input");
  await pipeline(process.stdin, createWriteStream(file, { mode: 0o600 }), { signal }).catch(
    (error: unknown) => {
      signal.throwIfAborted();
      throw error;
    },
  );
  return file;
}

/** JSON's white space, and the mark that some programs put before UTF-8. */
const JSON_START = /^(?:\u00ef\u00bb\u00bf)?[ \t\r\n]*\{/;

async function recognise(file: string, name: string): Promise<"directory" | "portable" | "tar"> {
  const found = await stat(file).catch((error: unknown) => {
    throw notRead(name, error);
  });
  if (found.isDirectory()) return "directory";
  const handle = await open(file).catch((error: unknown) => {
    throw notRead(name, error);
  });
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(512), 0, 512, 0);
    if (bytesRead === 0) throw new HoldfastError("ARTIFACT_INCOMPLETE", `${name} is empty.`);
    return JSON_START.test(buffer.toString("latin1", 0, bytesRead)) ? "portable" : "tar";
  } finally {
    await handle.close();
  }
}

/** An artifact's objects as files, as a store keeps them and `tar` unpacks them. */
async function directorySource(directory: string): Promise<ArtifactSource> {
  const store = fsStore({ directory });
  // Before anything is listed: the directory may be any, with everything below it.
  if ((await store.stat(HEADER_NAME)) === undefined)
    throw new HoldfastError("NOT_AN_ARTIFACT", `There is no ${HEADER_NAME} in ${directory}.`);
  return {
    read: (object, signal) => store.get(object, signal === undefined ? {} : { signal }),
    list: async function* () {
      for await (const { key, sizeBytes } of store.list("")) yield { name: key, sizeBytes };
    },
    close: () => store.close(),
  };
}

async function portableSource(
  file: string,
  opened: AsyncDisposableStack,
  signal: AbortSignal,
): Promise<ArtifactSource> {
  const { path: directory } = opened.use(await makePrivateDirectory());
  const store = fsStore({ directory });
  await readPortable(
    createReadStream(file, { highWaterMark: 256 * 1024 }),
    storeSink(store, "artifact"),
    signal,
  );
  return storeSource(store, "artifact");
}

function notRead(name: string, cause: unknown): HoldfastError {
  if (cause instanceof Error && "code" in cause && cause.code === "ENOENT")
    return new HoldfastError("NOT_FOUND", `There is no file ${name}.`, { hint: "Check the path.", cause });
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new HoldfastError("NOT_FOUND", `${name} cannot be read: ${reason}`, {
    hint: "Check who may read it.",
    cause,
  });
}
