// The stores of a configuration file.
import type { StoreDeclaration } from "../../core/store-declaration.ts";
import { suggest, type Faults } from "./faults.ts";
import { Section, type Item } from "./section.ts";

const EXAMPLE = 'stores.fs({ directory: "/var/backups" }), stores.sftp({ ... }) or stores.s3({ ... })';
const KINDS = ["fs", "sftp", "s3"] as const;
const NAME = /^[a-z][a-z0-9_-]*$/i;

export interface Stores {
  readonly declared: ReadonlyMap<string, StoreDeclaration>;
  /** Where a backup goes that names no stores. */
  readonly byDefault: readonly string[];
}

/** @param local what there is where the file declares no stores, and its name */
export function readStores(root: Section, local: readonly [string, StoreDeclaration]): Stores {
  const section = root.section("stores", `{ local: ${EXAMPLE.split(",")[0]} }`);
  const declared = new Map<string, StoreDeclaration>();
  for (const item of section?.items() ?? []) {
    if (!NAME.test(item.name))
      root.faults.add(item.key, "is no name of a store; write letters, digits, - and _, a letter first");
    const store = readStore(item, root.faults);
    if (store !== undefined) declared.set(item.name, store);
  }
  const names = section?.names() ?? [];
  if (!root.has("stores")) {
    declared.set(...local);
    names.push(local[0]);
  } else if (section !== undefined && names.length === 0) {
    root.fault("stores", "is empty; declare a store, or leave it out for one in the data directory");
  }
  return { declared, byDefault: readDefaults(root, names) };
}

function readDefaults(root: Section, names: readonly string[]): string[] {
  const given = root.list("defaultStores", '["local"]');
  if (given?.length === 0) root.fault("defaultStores", "is empty; name a store, or leave it out");
  if (given === undefined || given.length === 0)
    return names.includes("local") ? ["local"] : names.slice(0, 1);
  const chosen = new Set<string>();
  for (const { key, value } of given) {
    if (typeof value !== "string" || !names.includes(value)) {
      const name = typeof value === "string" ? value : "";
      root.faults.add(key, `names no store; ${suggest(name, names)}`);
    } else if (chosen.has(value)) root.faults.add(key, `names ${value} again`);
    else chosen.add(value);
  }
  return [...chosen];
}

function readStore(item: Item, faults: Faults): StoreDeclaration | undefined {
  const section = Section.read(item, EXAMPLE, faults);
  if (section === undefined) return undefined;
  const kind = KINDS.find((candidate) => candidate === section.item("kind").value);
  if (kind === undefined) {
    faults.add(item.key, `is no store; write ${EXAMPLE}`);
    return undefined;
  }
  const before = faults.list.length;
  const store = READERS[kind](section);
  // What is incomplete is among the faults, and goes no further.
  return faults.list.length === before ? store : undefined;
}

const READERS: Readonly<Record<(typeof KINDS)[number], (section: Section) => StoreDeclaration>> = {
  fs(section) {
    section.allow("kind", "directory");
    return { kind: "fs", directory: section.text("directory", '"/var/backups/holdfast"') ?? "" };
  },

  sftp(section) {
    const optional = [
      "privateKeyFile",
      "privateKeyPassphrase",
      "password",
      "agent",
      "knownHostsFile",
      "hostKey",
    ];
    section.allow("kind", "host", "port", "username", "directory", ...optional);
    onlyOne(section, ["privateKeyFile", "password", "agent"]);
    onlyOne(section, ["knownHostsFile", "hostKey"]);
    if (section.has("privateKeyPassphrase") && !section.has("privateKeyFile"))
      section.fault("privateKeyPassphrase", "is there without privateKeyFile, whose passphrase it is");
    const texts = optionalTexts(section, optional);
    const hostKey = texts["hostKey"];
    if (hostKey !== undefined && !/^SHA256:[A-Za-z0-9+/]{43}=?$/.test(hostKey))
      section.fault("hostKey", "is no fingerprint; write SHA256:... as ssh-keygen -lf prints it");
    return {
      kind: "sftp",
      host: section.text("host", '"backup.example.org"') ?? "",
      username: section.text("username", '"holdfast"') ?? "",
      directory: section.text("directory", '"/backups"') ?? "",
      ...given({ port: readPort(section) }),
      ...texts,
    };
  },

  s3(section) {
    const optional = ["region", "endpoint", "accessKeyId", "secretAccessKey", "sessionToken"];
    section.allow("kind", "bucket", "prefix", "pathStyle", "checksums", ...optional);
    if (section.has("accessKeyId") !== section.has("secretAccessKey")) {
      const [there, missing] = section.has("accessKeyId")
        ? ["accessKeyId", "secretAccessKey"]
        : ["secretAccessKey", "accessKeyId"];
      section.fault(there ?? "", `is there without ${missing}`);
    }
    const texts = optionalTexts(section, optional);
    const endpoint = texts["endpoint"];
    if (endpoint !== undefined && !["http:", "https:"].includes(URL.parse(endpoint)?.protocol ?? ""))
      section.fault("endpoint", 'is no URL; write "https://s3.example.org"');
    const prefix = section.item("prefix").value === "" ? undefined : section.text("prefix");
    return {
      kind: "s3",
      bucket: section.text("bucket", '"my-backups"') ?? "",
      ...given({
        prefix,
        pathStyle: section.flag("pathStyle"),
        checksums: section.oneOf("checksums", ["WHEN_SUPPORTED", "WHEN_REQUIRED"]),
      }),
      ...texts,
    };
  },
};

function optionalTexts(section: Section, names: readonly string[]): Record<string, string> {
  return given(Object.fromEntries(names.map((name) => [name, section.text(name)])));
}

function readPort(section: Section): number | undefined {
  const { value } = section.item("port");
  if (value === undefined) return undefined;
  if (typeof value === "number" && Number.isInteger(value) && value > 0 && value <= 65_535) return value;
  return section.fault("port", "is no port; write a number from 1 to 65535");
}

function onlyOne(section: Section, names: readonly string[]): void {
  const [first, ...others] = names.filter((name) => section.has(name));
  for (const name of others) section.fault(name, `is there beside ${first}; give one of them`);
}

/** Without the keys whose values are undefined. */
function given<Value>(values: Readonly<Record<string, Value | undefined>>): Record<string, Value> {
  return Object.fromEntries(
    Object.entries(values).filter((entry): entry is [string, Value] => entry[1] !== undefined),
  );
}
