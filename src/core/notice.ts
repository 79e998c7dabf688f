// What people are told of, in the form in which it is kept and sent. No secret is in it, nor any row.
import type { NotifyEvent } from "./notify-declaration.ts";

/** "test" is sent when somebody wants to see whether notices arrive, whatever the way is configured for. */
export type NoticeEvent = NotifyEvent | "test";

export interface Notice {
  readonly event: NoticeEvent;
  /** RFC 3339, UTC: when it happened, or was found out. */
  readonly at: string;
  /** One line. */
  readonly title: string;
  /** What happened, and what to do about it. */
  readonly text: string;
  readonly schedule: { readonly id: string; readonly name: string } | null;
  readonly run: NoticeRun | null;
  readonly store: string | null;
}

export interface NoticeRun {
  readonly id: string;
  readonly kind: string;
  readonly status: string;
  readonly error: { readonly code: string; readonly message: string; readonly hint: string | null } | null;
}

/** A notice on its way over one of the configured ways. */
export interface Delivery {
  /** The same for every attempt, so that whoever is told twice knows. */
  readonly id: string;
  readonly notice: Notice;
}
