// Who a request comes from, and what they may do at this moment.

/** An account with the permissions that it has now: nothing here outlives the request that it was loaded for. */
export interface Account {
  /** `platform.users.id` as text. */
  readonly userId: string;
  readonly username: string;
  /** Names of the roles held, directly or through groups, in order. */
  readonly roles: readonly string[];
  /** Of the catalog; for a token those that both its owner and the token itself have. */
  readonly permissions: ReadonlySet<string>;
}

export interface SessionCaller extends Account {
  readonly via: "session";
  readonly sessionId: string;
}

export interface TokenCaller extends Account {
  readonly via: "token";
  readonly tokenId: string;
  /** Whether the token was given a list of its own instead of all that its owner may. */
  readonly limited: boolean;
  readonly expiresAt: Date | null;
}

/** Who works on the database itself and could do so without Holdfast: a user of this machine's system, with every permission. */
export interface LocalCaller extends Account {
  /** No account's. */
  readonly userId: "";
  readonly via: "system";
}

export type Caller = SessionCaller | TokenCaller | LocalCaller;
