// A server's address as it is compared and kept: http or https, no slash at the end.
import { InvalidArgumentError } from "commander";

/** @throws InvalidArgumentError for what is no address of a server */
export function parseServer(text: string): string {
  const url = URL.parse(text);
  if (url === null || !["http:", "https:"].includes(url.protocol))
    throw new InvalidArgumentError("It must be a URL that starts with http:// or https://.");
  if (url.username !== "" || url.search !== "" || url.hash !== "")
    throw new InvalidArgumentError("It must be a server's address and nothing else.");
  return url.origin + url.pathname.replace(/\/+$/, "");
}
