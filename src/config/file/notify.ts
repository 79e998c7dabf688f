// Who a configuration file wants told what.
import { NOTIFY_EVENTS, type NotifyDeclaration, type NotifyEvent } from "../../core/notify-declaration.ts";
import { suggest } from "./faults.ts";
import { Section, type Item } from "./section.ts";

const EXAMPLE = '[{ webhook: "https://...", on: ["failed"] }]';
const WEBHOOK = '{ webhook: "https://...", secret: "...", on: ["failed", "overdue"] }';
const MAIL = '{ smtp: "smtp://...", from: "...", to: ["..."], on: ["failed"] }';

export function readNotify(root: Section): NotifyDeclaration[] {
  const names = new Set<string>();
  return (root.list("notify", EXAMPLE) ?? []).flatMap((item) => {
    const section = Section.read(item, WEBHOOK, root.faults);
    if (section === undefined) return [];
    const name = section.text("name") ?? item.key;
    if (names.has(name)) section.fault("name", `is ${name}, as another one's`);
    names.add(name);
    return readTarget(section, item, name) ?? [];
  });
}

function readTarget(section: Section, item: Item, name: string): NotifyDeclaration | undefined {
  const before = section.faults.list.length;
  const base = { name, on: readEvents(section) };
  const isMail = "smtp" in Object(item.value);
  if (!isMail && !("webhook" in Object(item.value))) {
    section.faults.add(item.key, `is neither a webhook nor e-mail; write ${WEBHOOK} or ${MAIL}`);
    return undefined;
  }
  const target: NotifyDeclaration = isMail
    ? { kind: "mail", ...base, ...readMail(section) }
    : { kind: "webhook", ...base, ...readWebhook(section) };
  return section.faults.list.length === before ? target : undefined;
}

function readWebhook(section: Section) {
  section.allow("webhook", "secret", "on", "name");
  const url = readUrl(section, "webhook", ["https:", "http:"]);
  return { url, secret: section.text("secret") };
}

function readMail(section: Section) {
  section.allow("smtp", "from", "to", "on", "name");
  const smtp = readUrl(section, "smtp", ["smtp:", "smtps:"]);
  const from = section.text("from", '"holdfast@example.org"') ?? "";
  return { smtp, from, to: readAddresses(section) };
}

function readUrl(section: Section, name: string, protocols: readonly string[]): string {
  const example = `"${protocols[0]}//..." (is the environment variable set that it is read from?)`;
  const url = section.text(name, example) ?? "";
  if (url !== "" && !protocols.includes(URL.parse(url)?.protocol ?? ""))
    section.fault(name, `is not a URL that starts with ${protocols.join("// or ")}//`);
  return url;
}

function readAddresses(section: Section): string[] {
  const example = '["operations@example.org"]';
  const { key, value } = section.item("to");
  const given = typeof value === "string" ? [{ key, value }] : section.list("to", example);
  if (given === undefined && value === undefined) section.fault("to", `is missing; write ${example}`);
  if (given?.length === 0) section.fault("to", `is empty; write ${example}`);
  return (given ?? []).flatMap((item) => {
    if (typeof item.value === "string" && /^[^\s@]+@[^\s@]+$|<[^\s@]+@[^\s@]+>$/.test(item.value))
      return item.value;
    section.faults.add(item.key, `is no e-mail address; write ${example}`);
    return [];
  });
}

function readEvents(section: Section): readonly NotifyEvent[] {
  const given = section.list("on", '["failed", "overdue"]');
  if (given === undefined) return NOTIFY_EVENTS;
  if (given.length === 0) section.fault("on", "is empty; name events, or leave it out for all of them");
  const named = given.flatMap(({ key, value }) => {
    const event = NOTIFY_EVENTS.find((candidate) => candidate === value);
    if (event === undefined)
      section.faults.add(
        key,
        `is no event; ${suggest(typeof value === "string" ? value : "", NOTIFY_EVENTS)}`,
      );
    return event ?? [];
  });
  return [...new Set(named)];
}
