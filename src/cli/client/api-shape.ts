// What the API is to a command, whoever carries it out.
import type { Writable } from "node:stream";
import type { GraphqlClient } from "./graphql-client.ts";
import type { Operation } from "./operations.ts";
import type { OnBytes } from "./rest-client.ts";

/** Its user disposes of it. */
export interface Api extends Pick<GraphqlClient, "execute" | "subscribe">, AsyncDisposable {
  /** Whether what is started is carried out by this very process, and ends with it. */
  readonly isDirect: boolean;
  /** For people, after "at": an address, or a directory. */
  readonly place: string;
  /** An operation whose variable `file` is the file. @param onBytes told how many bytes of it have gone out */
  upload<Variables, Result>(
    operation: Operation<Variables, Result>,
    variables: Variables,
    file: { readonly path: string; readonly name: string },
    onBytes: (bytes: number) => void,
  ): Promise<Result>;
  /** The single-file form of a kept backup, into a stream that stays open. */
  download(backupId: string, stream: Writable, onBytes: OnBytes): Promise<void>;
  /** Also after the command was interrupted. Never throws: what interrupted it is what its user is told. */
  cancelRun(id: string): Promise<void>;
}

/**
 * What has to be there where no server is asked. `made`: Holdfast's own database, made if there is none; `there`: it is an error
 * if there is none; `backup`: as `holdfast backup` has it, which is `made` where a configuration file says what is protected. All but
 * `there` have the key that signs, and make it if there is none.
 */
export type DirectNeed = "there" | "made" | "backup";
