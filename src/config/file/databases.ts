// The databases that a configuration file names.
import { OWN_DATABASE } from "../../core/catalog.ts";
import { completePostgresUrl, parsePostgresUrl } from "../../core/postgres-url.ts";
import { memberKey } from "./faults.ts";
import { Section } from "./section.ts";

const URL_EXAMPLE = '"postgres://user:password@host:5432/database"';
const EXAMPLE = `{ app: { url: ${URL_EXAMPLE} } }`;
const NAME = /^[a-z][a-z0-9_-]*$/i;

export interface Databases {
  /** Every name that the file gives, also one whose URL is wrong. */
  readonly names: readonly string[];
  readonly urls: ReadonlyMap<string, string>;
}

export function readDatabases(root: Section): Databases {
  const section = root.section("databases", EXAMPLE);
  const urls = new Map<string, string>();
  const places = new Map<string, string>();
  for (const item of section?.items() ?? []) {
    const { name, key } = item;
    if (name === OWN_DATABASE)
      root.faults.add(key, "is the name of Holdfast's own database, which HOLDFAST_DATABASE_URL names");
    else if (!NAME.test(name))
      root.faults.add(key, "is no name of a database; write letters, digits, - and _, a letter first");
    const database = Section.read(item, `{ url: ${URL_EXAMPLE} }`, root.faults);
    database?.allow("url");
    const example = `${URL_EXAMPLE} (is the environment variable set that it is read from?)`;
    const given = database?.text("url", example);
    if (given === undefined) continue;
    const url = completePostgresUrl(given);
    const place = placeOf(url);
    if (place === undefined) {
      root.faults.add(memberKey(key, "url"), `is not of the form ${URL_EXAMPLE}`);
      continue;
    }
    const other = places.get(place);
    if (other !== undefined)
      root.faults.add(memberKey(key, "url"), `is the database of ${other} too; declare it once`);
    places.set(place, key);
    urls.set(name, url);
  }
  return { names: section?.names() ?? [], urls };
}

/** Which database of which server, whoever connects; undefined for what is no URL of PostgreSQL's. */
function placeOf(text: string): string | undefined {
  const url = parsePostgresUrl(text);
  if (url === null) return undefined;
  const { searchParams: parameters } = url;
  const host = parameters.get("host") ?? url.hostname;
  const port = (parameters.get("port") ?? url.port) || "5432";
  return JSON.stringify([host, port, parameters.get("dbname") ?? url.pathname.slice(1)]);
}
