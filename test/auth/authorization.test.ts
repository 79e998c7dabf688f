import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseAuthorization } from "../../src/auth/authorization.ts";
import { HoldfastError } from "../../src/core/errors.ts";

const TOKEN = `hf_${"aB3-_".repeat(9).slice(0, 43)}`;
const JWT = "eyJhbGciOiJIUzI1NiJ9.eyJqdGkiOiIxIn0.c2ln-_";

describe("the Authorization header", () => {
  it.each([`Bearer pat:${TOKEN}`, `Bearer ${TOKEN}`, `bearer pat:${TOKEN}`, `BEARER  PAT:${TOKEN} `])(
    "%j carries a personal access token",
    (header) => {
      expect(parseAuthorization(header)).toEqual({ kind: "token", token: TOKEN });
    },
  );

  it.each([`Bearer jwt:${JWT}`, `Bearer ${JWT}`, `bEaReR Jwt:${JWT}`])("%j carries a session", (header) => {
    expect(parseAuthorization(header)).toEqual({ kind: "session", jwt: JWT });
  });

  it.each([null, undefined, "", "  "])("%j carries no token", (header) => {
    expect(() => parseAuthorization(header)).toThrow("The request carries no token.");
  });

  it.each([
    ...["Bearer", "Bearer ", "Bearer pat:", "Bearer jwt:", TOKEN, JWT, `Basic ${TOKEN}`, `Bearer${TOKEN}`],
    ...[`Bearer jwt:${TOKEN}`, `Bearer pat:${JWT}`, `Bearer pat:pat:${TOKEN}`, `Bearer pat: ${TOKEN}`],
    ...[
      `Bearer ${TOKEN}A`,
      `Bearer ${TOKEN.slice(0, -1)}`,
      `Bearer ${TOKEN}, Bearer ${TOKEN}`,
      "Bearer a.b",
      "Bearer a.b.c.d",
    ],
  ])("%j is malformed", (header) => {
    expect(() => parseAuthorization(header)).toThrow(
      expect.objectContaining({ code: "UNAUTHENTICATED", message: "The Authorization header is malformed." }),
    );
  });

  it("is refused in order, whatever it holds, and never repeated in the refusal", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 8, unit: "binary" }), (noise) => {
        try {
          parseAuthorization(`Bearer ${noise}`);
        } catch (error) {
          expect(error).toBeInstanceOf(HoldfastError);
          expect(String(error)).not.toContain(noise);
        }
      }),
    );
  });
});
