// What the pages of restores ask and do.
import { restoreFields, tablesOfProgressFields } from "../graphql/fragments.ts";
import { graphql, type ResultOf } from "../graphql/tada.ts";
import { signatureFields } from "../signatures/documents.ts";

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
        progress {
          ...TablesOfProgressFields
        }
        signature {
          ...SignatureFields
        }
        lockOut
        sampled: changes {
          entity
          table
          inserted
          updated
          deleted
          samples {
            kind
            columns {
              column
              before
              after
              changed
            }
          }
        }
        conflicts {
          kind
          entity
          table
          constraint
          rows
          values
          row
          other
          otherIsLive
          references
          add
        }
      }
    }
  `,
  [restoreFields, tablesOfProgressFields, signatureFields],
);

/** A restore with what only its own page shows: rows that it changes, and what stands in its way. */
export type DetailedRestore = NonNullable<ResultOf<typeof RESTORE>["restore"]>;
export type Sample = NonNullable<DetailedRestore["sampled"][number]["samples"]>[number];
export type Conflict = DetailedRestore["conflicts"][number];

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
