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

/** A small object is put, listed, read and deleted. */
export const CHECK_STORE = graphql(`
  mutation CheckStore($name: String!) {
    checkStore(name: $name) {
      reachable
      error {
        code
        message
        hint
      }
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
