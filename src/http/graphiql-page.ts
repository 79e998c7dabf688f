// GraphiQL's page: everything in one document, with a policy that lets it talk to nobody but this server.
import type { GraphiQLOptions } from "graphql-yoga";

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

/**
 * Signing in in one tab signs the others in: the page keeps the token that `login` answers, in memory alone, and sends
 * it wherever a tab names none of its own. A token that is refused is forgotten, so that one can sign in again.
 */
const KEEP_TOKEN = `<script>
{
  const send = window.fetch;
  let token;
  window.fetch = async (input, init = {}) => {
    const headers = new Headers(init.headers);
    if (token && !headers.has("authorization")) headers.set("authorization", "Bearer " + token);
    const response = await send(input, { ...init, headers });
    if (response.status === 401) token = undefined;
    if (response.headers.get("content-type")?.includes("json")) {
      const answer = await response.clone().json().catch(() => undefined);
      token = answer?.data?.login?.token ?? token;
    }
    return response;
  };
}
</script>
`;

/**
 * The page comes from our own package and not from a CDN: it works without a way out, and no third party's script sees
 * a token. Its nine megabytes are loaded when somebody first opens it.
 */
export async function renderGraphiqlPage(options: GraphiQLOptions): Promise<string> {
  const { renderGraphiQL } = await import("@graphql-yoga/render-graphiql");
  return renderGraphiQL(options).replace("</head>", () => `${KEEP_TOKEN}</head>`);
}
