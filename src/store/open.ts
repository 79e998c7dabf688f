// Makes a store of what the configuration says of it.
import type { StoreDeclaration } from "../core/store-declaration.ts";
import { fsStore } from "./fs.ts";
import type { Store } from "./store.ts";

/** What a process knows besides its configuration. */
export interface Surroundings {
  /** Where SSH_AUTH_SOCK points: the ssh-agent for an SFTP store that names nothing to sign in with. */
  readonly sshAgent?: string | undefined;
}

/**
 * Nothing is connected to before the store is used: a store that is down keeps nobody from starting.
 * @throws HoldfastError CONFIG_INVALID
 */
export async function openStore(
  declaration: StoreDeclaration,
  surroundings: Surroundings = {},
): Promise<Store> {
  if (declaration.kind === "fs") return fsStore(declaration);
  // The libraries of the others take a while to load, and many have no use for them.
  if (declaration.kind === "sftp")
    return (await import("./sftp.ts")).sftpStore(declaration, surroundings.sshAgent);
  return (await import("./s3.ts")).s3Store(declaration);
}
