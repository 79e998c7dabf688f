// What went wrong, in the server's own words: message and hint, the code small beside them.
import type { CombinedError } from "urql";

interface Described {
  readonly message: string;
  readonly hint?: string;
  readonly code?: string;
}

export function describeError(error: CombinedError | undefined): Described {
  if (error === undefined) return { message: "The server did not answer." };
  const first = error.graphQLErrors[0];
  if (first === undefined) {
    return {
      message: "The server cannot be reached.",
      hint: "Nothing was lost; what is shown comes up to date as soon as it answers again.",
    };
  }
  const { hint, code } = first.extensions;
  return {
    message: first.message,
    ...(typeof hint === "string" && { hint }),
    ...(typeof code === "string" && { code }),
  };
}

export function Failure({ error }: { readonly error: CombinedError | undefined }) {
  return <FailureNote {...describeError(error)} />;
}

export function FailureNote({ message, hint, code }: { [K in keyof Described]: Described[K] | null }) {
  return (
    <div role="alert" className="note bad">
      <p className="break">
        <strong>{message}</strong>
      </p>
      {hint != null && <p className="break">{hint}</p>}
      {code != null && (
        <p className="small muted">
          <code>{code}</code>
        </p>
      )}
    </div>
  );
}
