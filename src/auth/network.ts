// The network that an address counts as: whoever has one IPv6 address has billions beside it.
import { isIPv6 } from "node:net";

/** An IPv6 address stands for its /64, an IPv4 address (also one that is written as IPv6) for itself; null: none is known. */
export function networkOf(address: string | null | undefined): string | null {
  if (address == null) return null;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  if (!isIPv6(address)) return address;
  const [plain = ""] = address.split("%");
  const [head = "", tail] = plain.split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? [] : Array.from({ length: 8 - left.length - right.length }, () => "0");
  const first = [...left, ...zeros, ...right]
    .slice(0, 4)
    .map((part) => Number.parseInt(part, 16).toString(16));
  return `${first.join(":")}::/64`;
}
