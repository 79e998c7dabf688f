// Who has signed backups, and whose signatures are trusted here.
import type { TrustedKeys } from "../../src/core/authenticity.ts";
import type { ArtifactSignature, Authenticity } from "../../src/core/run.ts";
import { readTrust } from "../../src/ledger/trusted-keys.ts";
import {
  distrustSigningKey,
  listSigningKeys,
  signatureOf,
  trustSigningKey,
  type SigningKey,
} from "../../src/runs/signatures.ts";
import { builder } from "../builder.ts";
import { signedIn, type Context } from "../context.ts";
import { BackupType } from "./backup.ts";
import { RestoreType } from "./restore.ts";
import { VerificationType } from "./verification.ts";

const AuthenticityEnum = builder.enumType("Authenticity", {
  values: {
    OWN_KEY: { description: "This installation has signed it." },
    TRUSTED_KEY: { description: "It is signed by a key that is trusted here." },
    RECORDED: {
      description: "Nobody that is known has signed it; but it was made here, and is what was made then.",
    },
    UNKNOWN_KEY: { description: "It is signed by a key that is not trusted here. Nothing vouches for it." },
    UNSIGNED: { description: "Nobody has signed it. Nothing vouches for it." },
  } satisfies Record<Authenticity, object>,
});

const ArtifactSignatureType = builder.objectRef<ArtifactSignature>("ArtifactSignature").implement({
  description: "Who has signed a backup, and what that is worth here.",
  fields: (t) => ({
    authenticity: t.expose("authenticity", { type: AuthenticityEnum }),
    publicKey: t.exposeString("publicKey", { nullable: true, description: "null: it is not signed." }),
    keyName: t.exposeString("keyName", {
      nullable: true,
      description: "What the key is called here; null: it is not trusted, or there is none.",
    }),
  }),
});

/** A list of backups asks for the keys once. */
const trusts = new WeakMap<Context, Promise<TrustedKeys>>();

function trustOf(context: Context): Promise<TrustedKeys> {
  const known = trusts.get(context) ?? readTrust(context.ledger, context.signer.publicKey);
  trusts.set(context, known);
  return known;
}

builder.objectField(BackupType, "signature", (t) =>
  t.field({
    type: ArtifactSignatureType,
    nullable: true,
    description: "As far as it is known here without reading it; null before it has SUCCEEDED.",
    resolve: async ({ artifact }, _, context) =>
      artifact === undefined ? null : signatureOf(artifact, await trustOf(context)),
  }),
);

builder.objectField(RestoreType, "signature", (t) =>
  t.field({
    type: ArtifactSignatureType,
    nullable: true,
    description: "Of the artifact that it has read, of a dry run, too; null before it has.",
    resolve: ({ run }) => run.outcome?.signature,
  }),
);

builder.objectField(VerificationType, "signature", (t) =>
  t.field({
    type: ArtifactSignatureType,
    nullable: true,
    description: "Of what it has read and found sound; null before it has.",
    resolve: ({ run }) => run.outcome?.signature,
  }),
);

const SigningKeyType = builder.objectRef<SigningKey>("SigningKey").implement({
  description: "A key whose signatures are trusted here.",
  fields: (t) => ({
    publicKey: t.exposeString("publicKey", {
      description: "Ed25519, as what stands between the lines of a PEM file.",
    }),
    name: t.exposeString("name"),
    own: t.exposeBoolean("own", { description: "This installation signs with it, or has done so before." }),
    current: t.exposeBoolean("isCurrent", { description: "This installation signs with it now." }),
    trustedAt: t.expose("trustedAt", { type: "DateTime" }),
    trustedBy: t.exposeString("trustedBy", { nullable: true, description: "null: it is an own one." }),
  }),
});

builder.queryField("signingKeys", (t) =>
  t.field({
    type: [SigningKeyType],
    description: "Whose signatures are trusted here, this installation's own first.",
    requires: [],
    resolve: (_, _args, context) => listSigningKeys(context),
  }),
);

const TrustSigningKeyInput = builder.inputType("TrustSigningKeyInput", {
  fields: (t) => ({
    publicKey: t.string({ required: true, description: "As the other Holdfast shows it, or in PEM." }),
    name: t.string({ required: true, description: "Whose it is." }),
  }),
});

builder.mutationField("trustSigningKey", (t) =>
  t.field({
    type: SigningKeyType,
    description:
      "Backups that are signed with the key are restored from now on as this installation's own are.",
    args: { input: t.arg({ type: TrustSigningKeyInput, required: true }) },
    requires: ["MANAGE_BACKUPS", "RESTORE_UNTRUSTED"],
    resolve: (_, { input }, context) => trustSigningKey(context, signedIn(context), input, context.origin),
  }),
);

builder.mutationField("distrustSigningKey", (t) =>
  t.boolean({
    description: "Takes the trust back.",
    args: { publicKey: t.arg.string({ required: true }) },
    requires: ["MANAGE_BACKUPS", "RESTORE_UNTRUSTED"],
    resolve: async (_, { publicKey }, context) => {
      await distrustSigningKey(context, signedIn(context), publicKey, context.origin);
      return true;
    },
  }),
);
