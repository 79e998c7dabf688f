// Writes a proposal down as a configuration file, with comments that say why things stand where they stand.
import { formatTableReference } from "../core/table-reference.ts";
import type { Proposal, ProposedEntity, ProposedGroup, ProposedTable } from "./propose.ts";

export interface ConfigFile {
  /** Of the database that was looked at, for the comment above. */
  readonly databaseName: string;
  /** The environment variable that the file takes the database's URL from. */
  readonly urlVariable: string;
}

const WIDTH = 110;
/** More than that nobody reads one by one. */
const LEFT_OUT_LINES = 200;

/** TypeScript, as Prettier would have it, with a line's end at the last. */
export function renderConfig(proposal: Proposal, file: ConfigFile): string {
  const lines = [
    ...comment(
      `What Holdfast backs up of the database ${file.databaseName}, as \`holdfast init\` has proposed it. From here on the file is yours: ` +
        "rename, move and remove what you like, and have `holdfast doctor` check it.",
    ),
    "//",
    ...comment(
      "An entity is backed up and restored as one: its own table first, then the tables that belong to it. A group is a handful of " +
        "entities with the same permissions. An entity that is opt-in is left out of a backup unless somebody asks for it.",
    ),
    'import { defineConfig, entity, stores } from "holdfast";',
    "",
    "export default defineConfig({",
    "  databases: {",
    "    // postgres://user:password@host:5432/database; it stands in the environment, for it holds a password.",
    `    ${proposal.database}: { url: process.env.${file.urlVariable} },`,
    "  },",
    "",
    "  groups: {",
    ...separated(proposal.groups.map(renderGroup)).map((line) => indent(line, 2)),
    "  },",
    "",
    ...STORES,
    "});",
    ...renderLeftOut(proposal),
  ];
  return `${lines.join("\n")}\n`;
}

const STORES = [
  "  // Where backups are kept. One that burns with the database is none: add a second place.",
  "  stores: {",
  '    local: stores.fs({ directory: `${process.env.HOLDFAST_DATA_DIR ?? ".holdfast"}/store` }),',
  '    // offsite: stores.sftp({ host: "backups.example.org", username: "holdfast", directory: "/backups" }),',
  '    // cloud: stores.s3({ bucket: "backups", region: "eu-central-1", prefix: "holdfast" }),',
  "  },",
  '  defaultStores: ["local"],',
  "",
  "  // Who is told. Without `on`, of everything.",
  '  // notify: [{ webhook: "https://hooks.example.org/backups", on: ["failed", "overdue", "drill-failed"] }],',
];

function renderGroup(group: ProposedGroup): string[] {
  return [
    `${group.name}: {`,
    "  entities: {",
    ...separated(group.entities.map((entity) => renderEntity(entity, group))).map((line) => indent(line, 2)),
    "  },",
    "},",
  ];
}

function renderEntity(entity: ProposedEntity, group: ProposedGroup): string[] {
  const { refersTo, remarks, optInBecause } = entity;
  const own = entity.tables[0]?.name ?? entity.name;
  const notes = [
    `${describeSize(entity)}${refersTo.length === 0 ? "" : `; refers to ${refersTo.join(", ")}`}.`,
    ...(optInBecause === null ? [] : [`Opt-in, for ${own} ${optInBecause}.`]),
    ...remarks,
  ];
  return [
    ...notes.flatMap((note) => comment(note)),
    `${entity.name}: entity({`,
    ...renderTables(entity.tables).map((line) => indent(line)),
    `  read: ${JSON.stringify(group.readPermission)},`,
    `  write: ${JSON.stringify(group.writePermission)},`,
    ...(optInBecause === null ? [] : ["  optIn: true,"]),
    ...(entity.keyless ? ["  keyless: true,"] : []),
    "}),",
  ];
}

function renderTables(tables: readonly ProposedTable[]): string[] {
  const written = tables.map((table) => JSON.stringify(formatTableReference(table)));
  const [only] = tables;
  if (tables.length === 1 && only !== undefined && tableNotes(only) === "")
    return [`tables: [${written.join(", ")}],`];
  const lines = tables.map((table, at) => {
    const note = tableNotes(table);
    return `  ${written[at]},${note === "" ? "" : ` // ${oneLine(note)}`}`;
  });
  return ["tables: [", ...lines, "],"];
}

function tableNotes({ why, partitions }: ProposedTable): string {
  const notes = [why, partitions > 0 ? `with ${count(partitions, "partition")}` : null];
  return notes.filter((note) => note !== null).join("; ");
}

function renderLeftOut({ leftOut }: Proposal): string[] {
  if (leftOut.length === 0) return [];
  const shown = leftOut.slice(0, LEFT_OUT_LINES);
  const more = leftOut.length - shown.length;
  return [
    "",
    "// Not backed up:",
    ...shown.map((table) => `// - ${oneLine(formatTableReference(table))} ${oneLine(table.reason)}`),
    ...(more > 0 ? [`// - and ${more} more`] : []),
  ];
}

/** `Some 1,200 rows, 3.1 MB`. */
function describeSize({ tables }: Pick<ProposedEntity, "tables">): string {
  const counts = tables.map((table) => table.estimatedRows).filter((rows) => rows !== null);
  const sizeBytes = tables.reduce((sum, table) => sum + table.sizeBytes, 0);
  const rows = counts.reduce((sum, some) => sum + some, 0);
  const some = counts.length === 0 ? "Rows not counted yet" : `Some ${count(rows, "row")}`;
  return `${some}, ${formatSize(sizeBytes)}`;
}

const numbers = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const tenths = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });

const count = (number: number, one: string): string =>
  `${numbers.format(number)} ${one}${Math.round(number) === 1 ? "" : "s"}`;

function formatSize(sizeBytes: number): string {
  if (sizeBytes < 1_000_000) return `${tenths.format(sizeBytes / 1_000)} kB`;
  return sizeBytes < 1e9 ? `${tenths.format(sizeBytes / 1e6)} MB` : `${tenths.format(sizeBytes / 1e9)} GB`;
}

function separated(blocks: readonly (readonly string[])[]): string[] {
  return blocks.flatMap((block, at) => (at === 0 ? block : ["", ...block]));
}

const indent = (line: string, levels = 1): string => (line === "" ? "" : "  ".repeat(levels) + line);

/** Nothing that a name may hold ends a comment or hides what follows. */
function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, " ");
}

/** As lines that are no longer than can be read. */
function comment(text: string): string[] {
  const lines: string[] = [];
  let line = "//";
  for (const word of oneLine(text).split(" ")) {
    if (line !== "//" && line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = "//";
    }
    line += ` ${word}`;
  }
  return [...lines, line];
}
