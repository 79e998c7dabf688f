// What the page of tokens asks and does.
import { graphql } from "../graphql/tada.ts";

export const TOKENS = graphql(`
  query Tokens {
    tokens {
      id
      name
      permissions
      createdAt
      expiresAt
      lastUsedAt
    }
  }
`);

export const CREATE_TOKEN = graphql(`
  mutation CreateToken($input: CreateTokenInput!) {
    createToken(input: $input) {
      token
      accessToken {
        id
        name
        permissions
        createdAt
        expiresAt
        lastUsedAt
      }
    }
  }
`);

export const REVOKE_TOKEN = graphql(`
  mutation RevokeToken($id: ID!) {
    revokeToken(id: $id)
  }
`);
