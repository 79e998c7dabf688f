// A server of its own on a data directory: started, asked over HTTP, stopped.
import postgres, { type Sql } from "postgres";
import { readEnvironment } from "../../src/config/environment.ts";
import { startStack } from "../../src/runtime/stack.ts";

export interface OwnServer {
  readonly sql: Sql;
  readonly databaseUrl: string;
  /** A request under /api/v1 and its answer, with the token where there is one. */
  readonly request: (
    method: string,
    path: string,
    body?: unknown,
    token?: string,
  ) => Promise<{ status: number; json: Answer }>;
  readonly signIn: (username: string, password: string) => Promise<{ status: number; token: string }>;
}

export type Answer = Readonly<Record<string, unknown>>;

/** Starts a server, runs `act`, and stops it. @param variables of the environment, beside the data directory */
export async function withServer<T>(
  dataDir: string,
  variables: Readonly<Record<string, string>>,
  act: (server: OwnServer) => Promise<T>,
): Promise<T> {
  const environment = readEnvironment({ HOLDFAST_DATA_DIR: dataDir, PORT: "0", ...variables });
  const stack = await startStack(environment, {});
  const sql = postgres(stack.databaseUrl, { max: 1, onnotice: () => undefined });
  const request: OwnServer["request"] = async (method, path, body, token) => {
    const answer = await fetch(`${stack.url}/api/v1${path}`, {
      method,
      headers: {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: answer.status, json: (await answer.json()) as Answer };
  };
  try {
    return await act({
      sql,
      databaseUrl: stack.databaseUrl,
      request,
      async signIn(username, password) {
        const { status, json } = await request("POST", "/auth/login", { username, password });
        return { status, token: String(json["token"]) };
      },
    });
  } finally {
    await sql.end();
    await stack.close();
  }
}
