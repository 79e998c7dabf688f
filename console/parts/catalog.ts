// The catalog, as all pages read it: asked for once, and then from the cache.
import { useQuery } from "urql";
import { graphql, type Entity, type ResultOf } from "../graphql/tada.ts";
import { humanise } from "./format.ts";

const CATALOG = graphql(`
  query Catalog {
    catalog {
      groups {
        name
        entities {
          name
          label
          optIn
          tables
          readPermissions
          writePermissions
          readable
          writable
          dependsOn
          estimatedRows
        }
      }
    }
  }
`);

export type CatalogGroup = ResultOf<typeof CATALOG>["catalog"]["groups"][number];
export type CatalogEntity = CatalogGroup["entities"][number];

export interface CatalogView {
  readonly groups: readonly CatalogGroup[];
  readonly entities: ReadonlyMap<Entity, CatalogEntity>;
}

export function useCatalog() {
  // Estimates change slowly, permissions with a new session: what the cache has will do.
  const [{ data, error }] = useQuery({ query: CATALOG, requestPolicy: "cache-first" });
  const groups = data?.catalog.groups;
  return {
    error,
    catalog: groups && {
      groups,
      entities: new Map(groups.flatMap(({ entities }) => entities.map((entity) => [entity.name, entity]))),
    },
  };
}

/** An entity's name as people say it. */
export function useEntityLabel(): (entity: Entity) => string {
  const { catalog } = useCatalog();
  return (name) => catalog?.entities.get(name)?.label ?? humanise(name);
}
