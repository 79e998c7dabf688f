// Reads what a configuration file exports: everything that can be said without asking a database, all faults at once.
import { buildCatalog, type Catalog, type GroupDeclarations } from "../../core/catalog.ts";
import { HoldfastError } from "../../core/errors.ts";
import type { NotifyDeclaration } from "../../core/notify-declaration.ts";
import { platformCatalog } from "../../core/platform-catalog.ts";
import type { StoreDeclaration } from "../../core/store-declaration.ts";
import { parseShareFrom } from "../../core/size.ts";
import { SYSTEM_GROUPS } from "../../core/system-catalog.ts";
import { readDatabases } from "./databases.ts";
import { Faults } from "./faults.ts";
import { readGroups, type FileEntity, type FileGroup } from "./groups.ts";
import { readMetrics, type MetricsPort } from "./metrics.ts";
import { readNotify } from "./notify.ts";
import { Section } from "./section.ts";
import { readStores } from "./stores.ts";

/** What is protected, where backups go, and who is told. Holds secrets: not for logs. */
export interface Configuration {
  /** The file, as messages name it; undefined: there is none, and the catalog is the built-in platform's. */
  readonly file: string | undefined;
  readonly catalog: Catalog;
  /** The URLs of the databases besides Holdfast's own. */
  readonly databaseUrls: ReadonlyMap<string, string>;
  /** Every store by name; one at least. */
  readonly stores: ReadonlyMap<string, StoreDeclaration>;
  /** Where a backup goes that names no stores; one at least. */
  readonly defaultStores: readonly string[];
  readonly notify: readonly NotifyDeclaration[];
  /** Holds the identity that opens backups for drills that nobody attends; undefined: there is none. */
  readonly drillIdentityFile: string | undefined;
  /** Where metrics are told without a token; undefined: nowhere. */
  readonly metrics?: MetricsPort | undefined;
  /** That copy or load at the same time, for each database and run; undefined: by the machine's cores. */
  readonly connections?: number | undefined;
  /** How large a run is that workers share; undefined: 512 MB. */
  readonly shareFromBytes?: number | "off" | undefined;
  /** What stands in the file for each of its entities, for messages; Holdfast's own are not among them. */
  readonly places: ReadonlyMap<string, EntityPlace>;
}

/** An entity's place in the file. */
export interface EntityPlace {
  /** `groups.people.entities.customers`; its tables are `<key>.tables[0]`, ... */
  readonly key: string;
  /** Whether tables without a key are meant to be there. */
  readonly keyless: boolean;
}

const KEYS = [
  ...["databases", "groups", "stores", "defaultStores", "notify", "drill", "metrics"],
  ...["connections", "shareFrom"],
];

/** What there is where no file declares stores. */
export type LocalStore = readonly [name: string, declaration: StoreDeclaration];

/** Without a file: the built-in platform, and one store. */
export function builtInConfiguration(local: LocalStore): Configuration {
  const [name, declaration] = local;
  return {
    file: undefined,
    catalog: platformCatalog,
    databaseUrls: new Map(),
    stores: new Map([[name, declaration]]),
    defaultStores: [name],
    notify: [],
    drillIdentityFile: undefined,
    metrics: undefined,
    places: new Map(),
  };
}

/**
 * @param exported the file's default export
 * @param file as messages are to name it
 * @throws HoldfastError CONFIG_INVALID naming every fault, each with its key in the file
 */
export function readConfig(exported: unknown, file: string, local: LocalStore): Configuration {
  const faults = new Faults();
  const root = Section.read({ key: "", value: exported }, "export default defineConfig({ ... })", faults);
  if (root === undefined) throw configInvalid(file, [`export default ${faults.list.join("; ")}`]);
  root.allow(...KEYS);
  const databases = readDatabases(root);
  const groups = readGroups(root, databases.names);
  const { declared, byDefault } = readStores(root, local);
  const notify = readNotify(root);
  const drillIdentityFile = readDrill(root);
  const metrics = readMetrics(root);
  const connections = readConnections(root);
  const shareFromBytes = readShareFrom(root);
  if (faults.list.length > 0) throw configInvalid(file, faults.list);
  return {
    file,
    catalog: groups === undefined ? platformCatalog : catalogOf(groups),
    databaseUrls: databases.urls,
    stores: declared,
    defaultStores: byDefault,
    notify,
    drillIdentityFile,
    metrics,
    connections,
    shareFromBytes,
    places: new Map(
      (groups ?? [])
        .flatMap((group) => group.entities)
        .map(({ name, key, keyless }: FileEntity) => [name, { key, keyless }]),
    ),
  };
}

function readDrill(root: Section): string | undefined {
  if (!root.has("drill")) return undefined;
  const section = root.section("drill", '{ identityFile: "/etc/holdfast/drill.txt" }');
  section?.allow("identityFile");
  return section?.text("identityFile");
}

function readConnections(root: Section): number | undefined {
  if (!root.has("connections")) return undefined;
  const { value } = root.item("connections");
  if (typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= 64) return value;
  return root.fault("connections", "is not a whole number from 1 to 64");
}

function readShareFrom(root: Section): number | "off" | undefined {
  const text = root.text("shareFrom");
  if (text === undefined) return undefined;
  return parseShareFrom(text) ?? root.fault("shareFrom", 'is no size; write "512MB", "4GB" or "off"');
}

/** @param faults each with its key in the file */
export function configInvalid(file: string, faults: readonly string[]): HoldfastError {
  return new HoldfastError("CONFIG_INVALID", `${file} is not valid:\n${faults.join("\n")}`, {
    hint: "Correct what is named and start again; docs/configuration.md has every key.",
    details: { file, faults },
  });
}

function catalogOf(groups: readonly FileGroup[]): Catalog {
  const declared: GroupDeclarations = Object.fromEntries(
    groups.map(({ name, entities }) => [
      name,
      Object.fromEntries(entities.map((entity) => [entity.name, entity.declaration])),
    ]),
  );
  return buildCatalog({ ...declared, ...SYSTEM_GROUPS });
}
