// A directory for one command's own intermediate files, readable by its user alone and gone when the command ends.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";

export interface PrivateDirectory extends AsyncDisposable {
  readonly path: string;
}

/** @param parent left out: the system's place for such things (TMPDIR) */
export async function makePrivateDirectory(parent: string = tmpdir()): Promise<PrivateDirectory> {
  const directory = await mkdtemp(path.join(parent, ".holdfast-"));
  return {
    path: directory,
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  };
}
