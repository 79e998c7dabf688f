// An operation with a file, as the GraphQL multipart request specification has it. XMLHttpRequest, because fetch does not
// say how far an upload is.
import { CombinedError, stringifyDocument, type TypedDocumentNode } from "urql";

export interface UploadOptions {
  readonly token: string;
  readonly signal: AbortSignal;
  /** Told of every stretch that has gone out, from 0 to the size of the whole request. */
  readonly onSent: (sentBytes: number, totalBytes: number) => void;
}

export type Uploaded<T> =
  | { readonly data: T; readonly error?: undefined }
  | { readonly data?: undefined; readonly error: CombinedError };

/**
 * Never rejects: what goes wrong is in the result, an abort too.
 * @param variables with the file among them
 */
export async function upload<T, V extends Readonly<Record<string, unknown>>>(
  document: TypedDocumentNode<T, V>,
  variables: V,
  { token, signal, onSent }: UploadOptions,
): Promise<Uploaded<T>> {
  const [place, file] = Object.entries(variables).find(([, value]) => value instanceof File) ?? [];
  if (place === undefined || !(file instanceof File)) throw new Error("there is no file among the variables");
  const body = new FormData();
  body.set(
    "operations",
    JSON.stringify({ query: stringifyDocument(document), variables: { ...variables, [place]: null } }),
  );
  body.set("map", JSON.stringify({ file: [`variables.${place}`] }));
  body.set("file", file);
  const text = await new Promise<string | undefined>((resolve) => {
    const request = new XMLHttpRequest();
    const stop = (): void => request.abort();
    request.open("POST", "/graphql");
    request.setRequestHeader("authorization", `Bearer ${token}`);
    request.upload.addEventListener("progress", ({ loaded, total }) => onSent(loaded, total));
    request.addEventListener("load", () => resolve(request.responseText));
    for (const event of ["error", "abort", "timeout"])
      request.addEventListener(event, () => resolve(undefined));
    request.addEventListener("loadend", () => signal.removeEventListener("abort", stop));
    signal.addEventListener("abort", stop);
    if (signal.aborted) resolve(undefined);
    else request.send(body);
  });
  return readAnswer(text);
}

function readAnswer<T>(text: string | undefined): Uploaded<T> {
  const answer: unknown = parse(text);
  const data: unknown = Reflect.get(Object(answer), "data");
  const errors: unknown = Reflect.get(Object(answer), "errors");
  if (Array.isArray(errors) && errors.length > 0)
    return { error: new CombinedError({ graphQLErrors: errors }) };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the document says what the server answers
  if (typeof data === "object" && data !== null) return { data: data as T };
  return { error: new CombinedError({ networkError: new Error("the server did not answer") }) };
}

function parse(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? "null");
  } catch {
    return null;
  }
}
