// The GraphQL documents behind `keys`. A test checks every one of them against the schema.
import { z } from "zod";
import type { Operation } from "./operations.ts";

const signingKey = z.object({
  publicKey: z.string(),
  name: z.string(),
  own: z.boolean(),
  current: z.boolean(),
  trustedAt: z.string(),
  trustedBy: z.string().nullable(),
});
type SigningKey = z.infer<typeof signingKey>;
const FIELDS = "publicKey name own current trustedAt trustedBy";

export const SIGNING_KEYS: Operation<Record<string, never>, { signingKeys: SigningKey[] }> = {
  result: z.object({ signingKeys: z.array(signingKey) }),
  document: `query { signingKeys { ${FIELDS} } }`,
};

export const TRUST_KEY: Operation<
  { readonly input: { readonly publicKey: string; readonly name: string } },
  { trustSigningKey: SigningKey }
> = {
  result: z.object({ trustSigningKey: signingKey }),
  document: `mutation ($input: TrustSigningKeyInput!) { trustSigningKey(input: $input) { ${FIELDS} } }`,
};

export const DISTRUST_KEY: Operation<{ readonly publicKey: string }, { distrustSigningKey: boolean }> = {
  result: z.object({ distrustSigningKey: z.boolean() }),
  document: `mutation ($publicKey: String!) { distrustSigningKey(publicKey: $publicKey) }`,
};
