// GraphiQL's worked examples: one tab a step, in the order in which a newcomer takes them.
import type { GraphiQLOptions } from "graphql-yoga";

interface Example {
  readonly query: string;
  readonly variables?: object;
}

const EXAMPLES: readonly Example[] = [
  {
    query: `# 1. Sign in, with the password that the first
#    start printed. The other tabs of this page are
#    signed in from then on. A personal access token
#    goes into Headers below instead:
#    { "authorization": "Bearer pat:hf_..." }
mutation SignIn($username: String!, $password: String!) {
  login(username: $username, password: $password) {
    expiresAt
    token
    account {
      username
      permissions
    }
  }
}
`,
    variables: { username: "admin", password: "" },
  },
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
    query: `# 3. Start a backup. It answers at once; a worker
#    does the work. Leave entities out for all that
#    are not opt-in, and encryption out for none.
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
    query: `# 4. Watch it: the present state at once, then
#    every change, then the end.
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
    query: `# 5. Preview a restore: what would change; nothing
#    is touched. Watch it to its end, which has the
#    changes and the plan.
mutation Preview($input: StartRestoreInput!) {
  startRestore(input: $input) {
    id
    entities
    mode
  }
}

subscription WatchPreview($id: ID!) {
  restoreProgress(id: $id) {
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
    query: `# 6. Restore. With expectPlan it is refused if it
#    would do anything but what the preview showed.
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

export const GRAPHIQL: GraphiQLOptions = {
  title: "Holdfast",
  defaultTabs: EXAMPLES.map(({ query, variables }) => ({
    query,
    variables: variables === undefined ? null : JSON.stringify(variables, null, 2),
    headers: null,
  })),
  defaultEditorToolsVisibility: "variables",
  isHeadersEditorEnabled: true,
  // A token belongs neither into the browser's storage nor into its history.
  shouldPersistHeaders: false,
};
