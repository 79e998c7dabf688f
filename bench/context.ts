// What every suite of the bench is given, and the acts of Holdfast's that several of them measure.
import { rm } from "node:fs/promises";
import path from "node:path";
import { generateIdentity, type AgeKeyPair } from "../src/codec/age.ts";
import type { RestoreMode } from "../src/core/run.ts";
import type { Loaded } from "./act-process.ts";
import { measureAct, type Taken } from "./measure.ts";
import type { BenchServer } from "./server.ts";

export interface BenchOptions {
  /** Of the audit log. */
  readonly rows: number;
  readonly rounds: number;
}

export interface BenchContext {
  readonly server: BenchServer;
  readonly options: BenchOptions;
  /** Of the bench's own; whoever made the context deletes it. */
  readonly directory: string;
  readonly key: AgeKeyPair;
}

export async function createContext(
  server: BenchServer,
  options: BenchOptions,
  directory: string,
): Promise<BenchContext> {
  return { server, options, directory, key: await generateIdentity() };
}

/** Backups and restores of an artifact that there is one of. */
export function holdfastActs({ server, directory, key }: BenchContext, artifactId: string) {
  const place = { url: server.url, directory: path.join(directory, "store"), artifactId };
  return {
    backup: (entities: readonly string[], connections?: number): Promise<Taken> =>
      measureAct({
        ...place,
        ...(connections !== undefined && { connections }),
        act: "backup",
        entities,
        recipient: key.recipient,
      }),
    restore: (
      entities: readonly string[],
      mode: RestoreMode,
      dryRun = false,
      onLoaded?: (loaded: Loaded["loaded"]) => void,
    ): Promise<Taken> =>
      measureAct({ ...place, act: "restore", entities, identity: key.identity, mode, dryRun }, onLoaded),
    forget: () => rm(path.join(place.directory, artifactId), { recursive: true, force: true }),
  };
}
