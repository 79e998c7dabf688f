// What the live tables say of the catalog's entities: which others their foreign keys refer to, and how large they are.
import type { Logger } from "pino";
import { tableLabel, type Catalog, type Entity } from "../core/catalog.ts";
import { openDatabase } from "../postgres/connect.ts";
import { describeTables } from "../postgres/introspect.ts";
import type { TableShape } from "../postgres/table-shape.ts";
import type { EntityFacts } from "../../schema/context.ts";

/** Shapes change seldom and estimates matter little: looking this often is often enough. */
const FRESH_MS = 10_000;
const TIMEOUT_MS = 5_000;

export interface CatalogFactsOptions {
  readonly catalog: Catalog;
  readonly databaseUrl: (name: string) => string;
  readonly log: Logger;
}

/** Answers by the entity's name; entities whose database does not answer, or lacks a table, are missing. */
export function createCatalogFacts(
  options: CatalogFactsOptions,
): () => Promise<ReadonlyMap<string, EntityFacts>> {
  const { catalog, databaseUrl, log } = options;
  const byDatabase = Map.groupBy(catalog.entities.values(), (entity) => entity.database);

  const look = async (): Promise<Map<string, EntityFacts>> => {
    const found = await Promise.all(
      [...byDatabase].map(async ([name, entities]) => {
        try {
          return factsOf(entities, await describe(name, databaseUrl(name), entities));
        } catch (error) {
          log.warn({ err: error, database: name }, "the catalog's tables could not be looked at");
          return [];
        }
      }),
    );
    return new Map(found.flat());
  };

  let answer: { readonly facts: Promise<Map<string, EntityFacts>>; readonly atMs: number } | undefined;
  return () => {
    const nowMs = performance.now();
    if (answer === undefined || nowMs - answer.atMs > FRESH_MS) answer = { facts: look(), atMs: nowMs };
    return answer.facts;
  };
}

async function describe(name: string, url: string, entities: readonly Entity[]): Promise<TableShape[]> {
  const database = openDatabase({ name, url, applicationName: "holdfast catalog", maxConnections: 1 });
  try {
    const session = await database.session(AbortSignal.timeout(TIMEOUT_MS));
    return await describeTables(
      session,
      entities.flatMap((entity) => entity.tables),
    );
  } finally {
    await database.close();
  }
}

function factsOf(entities: readonly Entity[], shapes: readonly TableShape[]): [string, EntityFacts][] {
  const owners = new Map(
    entities.flatMap((entity) => entity.tables.map((table) => [tableLabel(table), entity.name])),
  );
  const byLabel = new Map(shapes.map((shape) => [tableLabel(shape), shape]));
  return entities.map((entity) => {
    const own = entity.tables.flatMap((table) => byLabel.get(tableLabel(table)) ?? []);
    const referred = own
      .flatMap((shape) => shape.foreignKeys)
      .flatMap((key) => owners.get(tableLabel(key.references)) ?? [])
      .filter((name) => name !== entity.name);
    const counts = own.map((shape) => shape.estimatedRows);
    const estimatedRows = counts.reduce(
      (sum, count) => (sum === null || count === null ? null : sum + count),
      0,
    );
    return [entity.name, { dependsOn: [...new Set(referred)].toSorted(), estimatedRows }];
  });
}
