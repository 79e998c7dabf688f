// What the acts of this layer share.
import type { Catalog } from "../core/catalog.ts";
import type { Ledger } from "../ledger/connect.ts";
import type { Throttle } from "./throttle.ts";

export interface AuthContext {
  readonly ledger: Ledger;
  readonly catalog: Catalog;
  /** Signs and verifies sessions. */
  readonly sessionKey: Uint8Array;
  readonly sessionLifetimeMs: number;
  readonly throttle: Throttle;
  /** Of wrong guesses by one person within one window of the throttle. */
  readonly attemptLimit: number;
}

/** Where a request comes from, for the audit log and the limit on attempts. */
export interface Origin {
  /** The peer's IP address, where there is one. */
  readonly address?: string | null | undefined;
  /** Of the request, to find what else it has led to. */
  readonly requestId?: string | undefined;
}
