// Keys under which the same request is carried out only once.

/** 128 random bits in hexadecimal; crypto.randomUUID is not there on a page over plain HTTP. */
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
