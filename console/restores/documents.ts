// What the pages of restores ask and do.
import { restoreFields } from "../graphql/fragments.ts";
import { graphql } from "../graphql/tada.ts";

export const RESTORES = graphql(
  `
    query Restores($first: Int!, $after: String) {
      restores(first: $first, after: $after) {
        totalCount
        pageInfo {
          hasNextPage
          endCursor
        }
        edges {
          node {
            ...RestoreFields
          }
        }
      }
    }
  `,
  [restoreFields],
);

export const RESTORE = graphql(
  `
    query Restore($id: ID!) {
      restore(id: $id) {
        ...RestoreFields
      }
    }
  `,
  [restoreFields],
);

export const START_RESTORE = graphql(
  `
    mutation StartRestore($input: StartRestoreInput!) {
      startRestore(input: $input) {
        ...RestoreFields
      }
    }
  `,
  [restoreFields],
);
