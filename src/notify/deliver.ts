// Sends a notice over one of the configured ways.
import type { Delivery } from "../core/notice.ts";
import type { NotifyDeclaration } from "../core/notify-declaration.ts";
import { postWebhook } from "./webhook.ts";

/** @throws Error saying why it was not taken; no secret is in its message */
export async function deliver(target: NotifyDeclaration, delivery: Delivery): Promise<void> {
  if (target.kind === "webhook") return postWebhook(target, delivery);
  // Few have use for it.
  const { sendMail } = await import("./mail.ts");
  return sendMail(target, delivery);
}
