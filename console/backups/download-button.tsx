// Downloading: the browser's own, so that a backup of any size goes straight to the disk. It cannot send a header, so a
// form brings the session's token in its body; a HEAD first asks whether there is something to get, for its answer can be shown.
import { useState } from "react";
import { Button } from "react-aria-components";
import { FailureNote } from "../parts/failure.tsx";
import { useSessionState } from "../session/session.ts";

export function DownloadButton({ url }: { readonly url: string }) {
  const { session } = useSessionState();
  const [failure, setFailure] = useState<string>();
  const download = async (): Promise<void> => {
    if (session === undefined) return;
    setFailure(undefined);
    const headers = { authorization: `Bearer ${session.token}` };
    const answer = await fetch(url, { method: "HEAD", headers, credentials: "omit" }).catch(() => undefined);
    if (answer?.ok !== true) {
      setFailure(
        answer === undefined
          ? "The server cannot be reached."
          : "The backup cannot be downloaded at the moment.",
      );
      return;
    }
    const form = document.createElement("form");
    form.method = "post";
    form.action = url;
    form.hidden = true;
    const token = document.createElement("input");
    token.name = "token";
    token.value = session.token;
    form.append(token);
    document.body.append(form);
    form.submit();
    form.remove();
  };
  return (
    <>
      <Button className="button" onPress={() => void download()}>
        Download
      </Button>
      {failure !== undefined && <FailureNote message={failure} />}
    </>
  );
}
