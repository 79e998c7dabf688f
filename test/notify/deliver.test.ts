// Notices on their way: to a real HTTP server, and to a real SMTP server.
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import { readFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { text } from "node:stream/consumers";
import { SMTPServer } from "smtp-server";
import { describe, expect, it, onTestFinished } from "vitest";
import type { Notice } from "../../src/core/notice.ts";
import { NOTIFY_EVENTS } from "../../src/core/notify-declaration.ts";
import { deliver } from "../../src/notify/deliver.ts";

const id = "0b0d3c54-6a8e-4c2f-9d39-9a4a2a8e5f10";
const notice: Notice = {
  event: "failed",
  at: "2026-11-22T02:30:07.000Z",
  title: "A backup of the schedule nächtlich failed",
  text: "No new backup was made.",
  schedule: { id: "5f0c1f53-4a3b-4bb0-8a55-1f4f3b2f9d01", name: "nächtlich" },
  run: {
    ...{ id: "9d1f6c1e-13c4-4f0e-8a5a-6d1b5b0a7c02", kind: "BACKUP", status: "FAILED" },
    error: { code: "STORE_FAILED", message: "There is no space left.", hint: "Make room." },
  },
  store: null,
};
const base = { name: "operations", on: ["failed"] as const };

interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Answers everything with the status; closed when the test ends. */
async function listen(status: number, answer = ""): Promise<{ url: string; received: Received[] }> {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      received.push({ headers: request.headers, body });
      response.writeHead(status, { location: "/elsewhere" }).end(answer);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook?key=hidden`, received };
}

const page = await readFile(path.join(import.meta.dirname, "../../docs/notifications.md"), "utf8");

it("docs/notifications.md has every event in its table, and what a webhook posts", async () => {
  const events = new Set([...page.matchAll(/^\| `([\w-]+)`/gm)].map(([, event]) => event));
  expect(events).toEqual(new Set(NOTIFY_EVENTS));
  const { url, received } = await listen(204);
  const example: { data: Notice } = JSON.parse(/^```json\n(.*?)^```$/ms.exec(page)?.[1] ?? "");
  await deliver({ kind: "webhook", ...base, url, secret: undefined }, { id, notice: example.data });
  expect(JSON.parse(received[0]?.body ?? "")).toEqual(example);
  expect(Object.keys(example.data)).toEqual(Object.keys(notice));
});

describe("a webhook", () => {
  it("is signed as Standard Webhooks are, with a secret in either form", async () => {
    const { url, received } = await listen(204);
    const key = Buffer.from("thirty-two bytes of a secret key");
    for (const secret of [key.toString(), `whsec_${key.toString("base64")}`])
      await deliver({ kind: "webhook", ...base, url, secret }, { id, notice });
    expect(received).toHaveLength(2);
    for (const { headers, body } of received) {
      expect(headers).toMatchObject({ "webhook-id": id, "content-type": "application/json" });
      const signed = `${id}.${String(headers["webhook-timestamp"])}.${body}`;
      const signature = createHmac("sha256", key).update(signed).digest("base64");
      expect(headers["webhook-signature"]).toBe(`v1,${signature}`);
      expect(Math.abs(Date.now() / 1000 - Number(headers["webhook-timestamp"]))).toBeLessThan(60);
      expect(JSON.parse(body)).toEqual({ type: "holdfast.failed", timestamp: notice.at, data: notice });
    }
  });

  it("without a secret is not signed", async () => {
    const { url, received } = await listen(200);
    await deliver({ kind: "webhook", ...base, url, secret: undefined }, { id, notice });
    expect(received[0]?.headers).not.toHaveProperty("webhook-signature");
  });

  it.each([
    [500, "The webhook answered 500: broken"],
    [302, "The webhook answered 302: broken"],
  ])("that is answered %i was not taken", async (status, message) => {
    const { url, received } = await listen(status, "broken");
    const delivering = deliver({ kind: "webhook", ...base, url, secret: undefined }, { id, notice });
    await expect(delivering).rejects.toThrow(message);
    expect(received).toHaveLength(1);
  });

  it("to where nobody listens says so, without its address", async () => {
    const url = "http://127.0.0.1:1/hook?key=hidden";
    const delivering = deliver({ kind: "webhook", ...base, url, secret: "x" }, { id, notice });
    await expect(delivering).rejects.toThrow(/^The webhook cannot be reached: ((?!hidden).)*$/);
  });
});

/** Takes mail from whoever signs in rightly; closed when the test ends. */
async function listenForMail(): Promise<{ port: number; mails: string[] }> {
  const mails: string[] = [];
  const server = new SMTPServer({
    hideSTARTTLS: true,
    allowInsecureAuth: true,
    authMethods: ["PLAIN"],
    onAuth: ({ username, password }, _, done) =>
      password === "right" ? done(null, { user: username }) : done(new Error("Invalid login")),
    onData: (stream, _, done) => {
      let mail = "";
      stream.setEncoding("utf8").on("data", (chunk: string) => (mail += chunk));
      stream.on("end", () => {
        mails.push(mail);
        done();
      });
    },
  });
  const listening = server.listen(0, "127.0.0.1");
  await once(listening, "listening");
  onTestFinished(() => new Promise((resolve) => server.close(() => resolve())));
  return { port: (listening.address() as AddressInfo).port, mails };
}

describe("a mail", () => {
  const mailTo = (port: number, password: string) =>
    deliver(
      {
        ...{ kind: "mail", ...base, smtp: `smtp://holdfast:${password}@127.0.0.1:${port}` },
        ...{ from: "holdfast@example.org", to: ["ops@example.org", "Night Shift <night@example.org>"] },
      },
      { id, notice },
    );

  it("says what happened, to all, and has an id of its own", async () => {
    const { port, mails } = await listenForMail();
    await mailTo(port, "right");
    const [mail = ""] = mails;
    expect(mail).toContain("From: holdfast@example.org");
    expect(mail).toContain("To: ops@example.org, Night Shift <night@example.org>");
    expect(mail).toContain(`Message-ID: <${id}@holdfast>`);
    expect(mail).toContain(
      "Subject: =?UTF-8?Q?A_backup_of_the_schedule_n=C3=A4chtlich_?=\r\n =?UTF-8?Q?failed?=",
    );
    expect(mail).toContain("STORE_FAILED: There is no space left.");
    expect(mail).toContain("Hint: Make room.");
  });

  it("that the server does not take fails, without the password in the message", async () => {
    const { port } = await listenForMail();
    await expect(mailTo(port, "wr0ng")).rejects.toThrow(/^The mail could not be sent: EAUTH((?!wr0ng).)*$/);
  });
});
