// Who is told what, and over which way: what `notify` in a configuration file holds. Plain values, secrets among them.

/** What can be told of; "recovered" ends what "failed" began. */
export const NOTIFY_EVENTS = [
  "failed",
  "recovered",
  "overdue",
  "drill-failed",
  "store-failed",
  "unusual",
] as const;
export type NotifyEvent = (typeof NOTIFY_EVENTS)[number];

interface Notified {
  /** What the ledger calls it, and logs; unique. */
  readonly name: string;
  readonly on: readonly NotifyEvent[];
}

export interface WebhookDeclaration extends Notified {
  readonly kind: "webhook";
  /** http or https; may hold a secret itself. */
  readonly url: string;
  /** Signs what is sent; undefined: it is not signed. */
  readonly secret: string | undefined;
}

export interface MailDeclaration extends Notified {
  readonly kind: "mail";
  /** `smtp://` or `smtps://`, with user and password where the server wants them. */
  readonly smtp: string;
  readonly from: string;
  readonly to: readonly string[];
}

export type NotifyDeclaration = WebhookDeclaration | MailDeclaration;
