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
