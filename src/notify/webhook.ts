// Webhooks, signed as the Standard Webhooks specification has it
// (https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md), which has libraries that
// check them in most languages.
import { createHmac } from "node:crypto";
import type { Delivery } from "../core/notice.ts";
import type { WebhookDeclaration } from "../core/notify-declaration.ts";

const TIMEOUT_MS = 10_000;
/** How much of an answer is read to be told of. */
const TOLD_CHARACTERS = 200;

/**
 * Posts a notice as JSON.
 * @throws Error unless the answer is a 2xx; its message names no URL, for that may hold a secret
 */
export async function postWebhook(target: WebhookDeclaration, delivery: Delivery): Promise<void> {
  const body = JSON.stringify({
    type: `holdfast.${delivery.notice.event}`,
    timestamp: delivery.notice.at,
    data: delivery.notice,
  });
  const timestamp = String(Math.floor(Date.now() / 1000));
  const { href, authorization } = addressOf(target.url);
  const response = await fetch(href, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      "user-agent": "holdfast",
      "webhook-id": delivery.id,
      "webhook-timestamp": timestamp,
      ...(authorization !== undefined && { authorization }),
      ...(target.secret !== undefined && {
        "webhook-signature": sign(target.secret, `${delivery.id}.${timestamp}.${body}`),
      }),
    },
    body,
    // Somewhere else is not where the notice was to go.
    redirect: "manual",
    signal: AbortSignal.timeout(TIMEOUT_MS),
  }).catch((error: unknown) => {
    throw new Error(`The webhook cannot be reached: ${reasonOf(error)}`);
  });
  const answer = await response.text().catch(() => "");
  if (!response.ok)
    throw new Error(`The webhook answered ${response.status}: ${answer.slice(0, TOLD_CHARACTERS)}`);
}

/** User and password go in a header: `fetch` refuses a URL that holds them, and repeats it in its error. */
function addressOf(target: string): { href: string; authorization: string | undefined } {
  const url = new URL(target);
  const { username, password } = url;
  if (username === "" && password === "") return { href: url.href, authorization: undefined };
  url.username = "";
  url.password = "";
  const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { href: url.href, authorization: `Basic ${Buffer.from(credentials).toString("base64")}` };
}

/** A secret that starts with `whsec_` is base64 from there on, any other is taken as it is. */
function sign(secret: string, signed: string): string {
  const key = secret.startsWith("whsec_") ? Buffer.from(secret.slice("whsec_".length), "base64") : secret;
  return `v1,${createHmac("sha256", key).update(signed).digest("base64")}`;
}

/** `fetch failed` says nothing; what is beneath it does. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  if (cause instanceof Error) return "code" in cause ? String(cause.code) : cause.message;
  return error.name === "TimeoutError" ? `no answer within ${TIMEOUT_MS / 1000} s` : error.message;
}
