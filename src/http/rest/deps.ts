// What the endpoints that move backups are built from, and what they share.
import type { Auth } from "../../auth/auth.ts";
import type { TransferDeps } from "../../transfer/deps.ts";
import type { Places } from "./places.ts";

export interface TransferRouteDeps extends TransferDeps {
  readonly auth: Auth;
  readonly places: Places;
  /** Where uploads are kept while they are looked at. */
  readonly spoolDirectory: string;
  /** How long a client may take nothing, or send nothing, before its connection is ended. */
  readonly stallMs: number;
  /** How often it is looked whether the client still may have what it is being sent. */
  readonly recheckRightsMs: number;
}
