// What is asked of stores.
import { graphql } from "../graphql/tada.ts";

export const STORES = graphql(`
  query Stores {
    stores {
      name
      kind
      default
    }
  }
`);

/** For those with MANAGE_BACKUPS: each store is asked whether it answers. */
export const STORE_HEALTH = graphql(`
  query StoreHealth {
    stores {
      name
      place
      health {
        reachable
        error {
          code
          message
          hint
        }
      }
    }
  }
`);
