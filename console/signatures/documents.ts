// What is asked and done about signatures.
import { graphql, type ResultOf } from "../graphql/tada.ts";

export const signatureFields = graphql(`
  fragment SignatureFields on ArtifactSignature {
    authenticity
    publicKey
    keyName
  }
`);
export type Signature = ResultOf<typeof signatureFields>;

export const SIGNING_KEYS = graphql(`
  query SigningKeys {
    signingKeys {
      publicKey
      name
      own
      current
      trustedAt
      trustedBy
    }
  }
`);
export type SigningKey = ResultOf<typeof SIGNING_KEYS>["signingKeys"][number];

export const TRUST_KEY = graphql(`
  mutation TrustSigningKey($input: TrustSigningKeyInput!) {
    trustSigningKey(input: $input) {
      publicKey
      name
    }
  }
`);

export const DISTRUST_KEY = graphql(`
  mutation DistrustSigningKey($publicKey: String!) {
    distrustSigningKey(publicKey: $publicKey)
  }
`);
