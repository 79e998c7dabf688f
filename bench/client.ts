// Asks a Holdfast over GraphQL, as its administrator.

export interface Client {
  readonly authorization: string;
  /** @throws where anything is wrong with the answer */
  readonly ask: <Data>(query: string, variables: object) => Promise<Data>;
}

export async function signIn(url: string, password: string): Promise<Client> {
  const send = async <Data>(query: string, variables: object, authorization?: string): Promise<Data> => {
    const response = await fetch(`${url}/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json", ...(authorization && { authorization }) },
      body: JSON.stringify({ query, variables }),
    });
    const answer: { data?: Data | null; errors?: unknown } = await response.json();
    if (answer.data == null || answer.errors !== undefined) throw new Error(JSON.stringify(answer));
    return answer.data;
  };
  const mutation =
    'mutation ($password: String!) { login(username: "admin", password: $password) { token } }';
  const { login } = await send<{ login: { token: string } }>(mutation, { password });
  const authorization = `Bearer jwt:${login.token}`;
  return { authorization, ask: (query, variables) => send(query, variables, authorization) };
}
