// GraphiQL's worked examples: one tab a step, in the order in which a newcomer takes them.
import type { GraphiQLOptions } from "graphql-yoga";

/** GraphiQL's page holds its scripts, styles and workers in itself, and talks to nobody but this server. */
export const GRAPHIQL_CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'unsafe-inline' blob:",
  "style-src 'unsafe-inline'",
  "worker-src blob:",
  "font-src data:",
  "img-src data:",
  "connect-src 'self'",
  "frame-ancestors 'none'",
].join("; ");

const AUTHORIZATION = JSON.stringify({ authorization: "Bearer <the token that Sign in answered>" }, null, 2);

interface Example {
  readonly query: string;
  readonly variables?: object;
}

const SIGN_IN = `# 1. Sign in. The first start printed the password of the account "admin".
#    Copy the token into the headers of the other tabs: { "authorization": "Bearer <token>" }
mutation SignIn($username: String!, $password: String!) {
  login(username: $username, password: $password) {
    token
    expiresAt
    account {
      username
      permissions
    }
  }
}
`;

const EXAMPLES: readonly Example[] = [
  {
    query: `# 2. What can be backed up, and what of it you may.
query Catalog {
  catalog {
    groups {
      name
      entities {
        name
        label
        optIn
        tables
        readable
        writable
        dependsOn
        estimatedRows
      }
    }
  }
}
`,
  },
  {
    query: `# 3. Start a backup. It answers at once; a worker does the work.
#    Leave entities out for everything that is not opt-in; leave encryption out for none.
mutation StartBackup($input: StartBackupInput!) {
  startBackup(input: $input) {
    id
    status
    entities
    encryption
  }
}
`,
    variables: {
      input: { entities: ["USERS", "ROLES"], encryption: { passphrase: "correct horse" }, label: "my first" },
    },
  },
  {
    query: `# 4. Watch it: the present state at once, then every change, then the end.
subscription Watch($id: ID!) {
  backupProgress(id: $id) {
    status
    progress {
      phase
      entity
      percent
      rows
      rowsTotal
      rowsPerSecond
      etaSeconds
    }
    sizeBytes
    error {
      code
      message
      hint
    }
  }
}
`,
    variables: { id: "<the id that startBackup answered>" },
  },
  {
    query: `# 5. Preview a restore: what would change, and nothing is touched.
#    Then ask for restore(id) until it has SUCCEEDED, and keep its plan.
mutation Preview($input: StartRestoreInput!) {
  startRestore(input: $input) {
    id
    entities
    mode
  }
}

query Previewed($id: ID!) {
  restore(id: $id) {
    status
    plan
    changes {
      table
      inserted
      updated
      unchanged
      deleted
    }
    error {
      code
      message
      hint
    }
  }
}
`,
    variables: {
      id: "<the id that startRestore answered>",
      input: { backupId: "<the backup's id>", dryRun: true, unlock: { passphrase: "correct horse" } },
    },
  },
  {
    query: `# 6. Restore. With expectPlan it is refused if it would do anything but what the preview showed.
mutation Restore($input: StartRestoreInput!) {
  startRestore(input: $input) {
    id
    status
  }
}

subscription WatchRestore($id: ID!) {
  restoreProgress(id: $id) {
    status
    progress {
      phase
      percent
    }
    changes {
      table
      inserted
      updated
      unchanged
      deleted
    }
    error {
      code
      message
      hint
    }
  }
}
`,
    variables: {
      id: "<the id that startRestore answered>",
      input: {
        backupId: "<the backup's id>",
        entities: ["USERS"],
        mode: "MERGE",
        unlock: { passphrase: "correct horse" },
        expectPlan: "<the preview's plan>",
      },
    },
  },
];

const tab = ({ query, variables }: Example, headers: string | null) => ({
  query,
  variables: variables === undefined ? null : JSON.stringify(variables, null, 2),
  headers,
});

export const GRAPHIQL: GraphiQLOptions = {
  title: "Holdfast",
  defaultQuery: SIGN_IN,
  defaultHeaders: AUTHORIZATION,
  defaultTabs: [
    tab({ query: SIGN_IN, variables: { username: "admin", password: "" } }, null),
    ...EXAMPLES.map((example) => tab(example, AUTHORIZATION)),
  ],
  isHeadersEditorEnabled: true,
  // A token belongs neither into the browser's storage nor into its history.
  shouldPersistHeaders: false,
};
