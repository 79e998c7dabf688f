// Where a request comes from: its connection's other end, or what a proxy that is trusted says of it.
import { BlockList, isIP } from "node:net";
import type { Origin } from "../auth/context.ts";

/**
 * @param remoteAddress of the connection
 * @param forwardedFor the header X-Forwarded-For: every proxy has added whom it was asked by
 */
export type ReadOrigin = (remoteAddress: string | undefined, forwardedFor: string | undefined) => Origin;

/**
 * The last address that no trusted proxy stands for. What stands before it in the header is anybody's claim.
 * @param trusted addresses and networks ("10.0.0.0/8") of proxies; none: the header is not looked at
 */
export function trustProxies(trusted: readonly string[]): ReadOrigin {
  const proxies = new BlockList();
  for (const entry of trusted) {
    const [address = "", prefix] = entry.split("/");
    const family = isIP(address) === 6 ? "ipv6" : "ipv4";
    if (prefix === undefined) proxies.addAddress(address, family);
    else proxies.addSubnet(address, Number(prefix), family);
  }
  const isTrusted = (address: string): boolean =>
    proxies.check(address, isIP(address) === 6 ? "ipv6" : "ipv4");

  return (remoteAddress, forwardedFor) => {
    let address = remoteAddress;
    for (const claim of (forwardedFor ?? "").split(",").toReversed()) {
      const claimed = claim.trim();
      if (address === undefined || !isTrusted(address) || isIP(claimed) === 0) break;
      address = claimed;
    }
    return { address };
  };
}
