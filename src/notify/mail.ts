// E-mail over SMTP.
import { createTransport } from "nodemailer";
import type { Delivery } from "../core/notice.ts";
import type { MailDeclaration } from "../core/notify-declaration.ts";

const TIMEOUT_MS = 20_000;

/** @throws Error that names no URL: it holds the password */
export async function sendMail(target: MailDeclaration, { id, notice }: Delivery): Promise<void> {
  const transport = createTransport({
    url: target.smtp,
    connectionTimeout: TIMEOUT_MS,
    greetingTimeout: TIMEOUT_MS,
    socketTimeout: TIMEOUT_MS,
  });
  try {
    await transport.sendMail({
      from: target.from,
      to: [...target.to],
      subject: notice.title,
      text: `${notice.text}\n\n${detailsOf(notice)}`,
      // The same notice sent again is the same mail.
      messageId: `<${id}@holdfast>`,
      headers: { "Auto-Submitted": "auto-generated", "X-Holdfast-Event": notice.event },
    });
  } catch (error) {
    const code = error instanceof Error && "code" in error ? `${String(error.code)}: ` : "";
    const message = error instanceof Error ? error.message : String(error);
    throw new Error(`The mail could not be sent: ${code}${message}`, { cause: error });
  } finally {
    transport.close();
  }
}

function detailsOf({ at, schedule, run, store }: Delivery["notice"]): string {
  const lines = [
    ["Time", at],
    ["Schedule", schedule?.name],
    ["Run", run && `${run.kind} ${run.id}, ${run.status}`],
    ["Error", run?.error && `${run.error.code}: ${run.error.message}`],
    ["Hint", run?.error?.hint],
    ["Store", store],
  ];
  return lines.flatMap(([name, value]) => (value == null ? [] : `${name}: ${value}`)).join("\n");
}
