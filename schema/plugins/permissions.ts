// A Pothos plugin: what a root field requires of its caller. The same option prints the directive (@requires,
// @requiresEntities) and enforces it, for queries, mutations and subscriptions; a root field without one does not build.
import SchemaBuilder, {
  BasePlugin,
  type FieldNullability,
  type InputFieldMap,
  type InputShapeFromFields,
  type MaybePromise,
  type PothosOutputFieldConfig,
  type SchemaTypes,
  type TypeParam,
} from "@pothos/core";
import {
  DirectiveLocation,
  GraphQLDirective,
  GraphQLEnumType,
  GraphQLList,
  GraphQLNonNull,
  GraphQLSchema,
  type GraphQLFieldResolver,
} from "graphql";
import { isAsyncIterable } from "@graphql-tools/utils";
import { requirePermissions } from "../../src/auth/permissions.ts";
import type { Access } from "../../src/core/catalog.ts";
import { outageOf } from "../../src/ledger/outage.ts";
import { requireAccess } from "../../src/runs/access.ts";
import { signedIn, type Context } from "../context.ts";
import { watchRights } from "../watch-rights.ts";

/** On every root field stands `public`, or one or both of the others: then both hold. */
export interface FieldAccess<Args> {
  /** Anybody may, signed in or not. */
  public?: true;
  /** The caller is signed in and holds every one of these; with none, it is enough to be signed in. */
  requires?: readonly string[];
  /** The caller holds the READ (or WRITE) permissions of every entity that the call touches. */
  requiresEntities?: {
    access: Access;
    /**
     * The names of those entities, by the arguments: asked before anything else is done, and in a subscription again
     * while it runs. Or `result`: the field's function is given the caller and leaves out what the caller may not see.
     */
    of: "result" | ((args: Args, context: Context) => MaybePromise<readonly string[]>);
  };
}

declare global {
  export namespace PothosSchemaTypes {
    interface QueryFieldOptions<
      Types extends SchemaTypes,
      Type extends TypeParam<Types>,
      Nullable extends FieldNullability<Type>,
      Args extends InputFieldMap,
      ResolveReturnShape,
    > extends FieldAccess<InputShapeFromFields<Args>> {}
    interface MutationFieldOptions<
      Types extends SchemaTypes,
      Type extends TypeParam<Types>,
      Nullable extends FieldNullability<Type>,
      Args extends InputFieldMap,
      ResolveReturnShape,
    > extends FieldAccess<InputShapeFromFields<Args>> {}
    interface SubscriptionFieldOptions<
      Types extends SchemaTypes,
      Type extends TypeParam<Types>,
      Nullable extends FieldNullability<Type>,
      Args extends InputFieldMap,
      ResolveShape,
      ResolveReturnShape,
    > extends FieldAccess<InputShapeFromFields<Args>> {}
    interface Plugins<Types extends SchemaTypes> {
      permissions: PermissionsPlugin<Types>;
    }
  }
}

type Check = (args: object, context: Context) => Promise<void>;

class PermissionsPlugin<Types extends SchemaTypes> extends BasePlugin<Types> {
  override onOutputFieldConfig(field: PothosOutputFieldConfig<Types>): PothosOutputFieldConfig<Types> {
    const access = accessOf(field);
    if (access === undefined) return field;
    const place = `${field.parentType}.${field.name}`;
    const { public: open, requires, requiresEntities } = access;
    const isProtected = requires !== undefined || requiresEntities !== undefined;
    if ((open === true) === isProtected) {
      throw new Error(`${place} must say public, or requires or requiresEntities or both.`);
    }
    for (const permission of requires ?? []) {
      if (!this.options.catalog.permissions.includes(permission)) {
        throw new Error(`${place} requires ${permission}, which the catalog does not know.`);
      }
    }
    const directives = {
      ...(requires && { requires: { permissions: requires } }),
      ...(requiresEntities && { requiresEntities: { access: requiresEntities.access } }),
    };
    return { ...field, extensions: { ...field.extensions, directives } };
  }

  override wrapResolve(
    resolve: GraphQLFieldResolver<unknown, Types["Context"], object>,
    field: PothosOutputFieldConfig<Types>,
  ): GraphQLFieldResolver<unknown, Types["Context"], object> {
    const check = field.kind === "Subscription" ? undefined : checkOf(field);
    if (check === undefined) return resolve;
    return async (parent, args, context, info) => {
      await check(args, contextOf(context));
      return resolve(parent, args, context, info);
    };
  }

  override wrapSubscribe(
    subscribe: GraphQLFieldResolver<unknown, Types["Context"], object> | undefined,
    field: PothosOutputFieldConfig<Types>,
  ): GraphQLFieldResolver<unknown, Types["Context"], object> | undefined {
    const check = checkOf(field);
    if (check === undefined || subscribe === undefined) return subscribe;
    return async (parent, args, context, info) => {
      const own = contextOf(context);
      await check(args, own);
      const { userId } = signedIn(own);
      own.subscriptions.check(userId);
      return watchRights(
        async () => {
          const source: unknown = await subscribe(parent, args, context, info);
          if (isAsyncIterable(source)) return source;
          throw new Error(`${field.name} subscribes to what is no async iterable`);
        },
        () =>
          unlessOut(async () => {
            await own.identity.refresh();
            await check(args, own);
          }),
        own.recheckRightsMs,
        () => own.subscriptions.take(userId),
      );
    };
  }

  override afterBuild(schema: GraphQLSchema): GraphQLSchema {
    const config = schema.toConfig();
    return new GraphQLSchema({ ...config, directives: [...config.directives, ...definitions(schema)] });
  }
}

/** While the ledger is out of reach nobody's rights have changed, and there is nothing that could be seen. */
async function unlessOut(look: () => Promise<void>): Promise<void> {
  try {
    await look();
  } catch (error) {
    if (outageOf(error) === undefined) throw error;
  }
}

/** The option as it stands on a root field; undefined for a field of any other type. */
function accessOf<Types extends SchemaTypes>(
  field: PothosOutputFieldConfig<Types>,
): FieldAccess<object> | undefined {
  const isRoot = field.kind === "Query" || field.kind === "Mutation" || field.kind === "Subscription";
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the options of a root field, whatever its arguments
  return isRoot ? (field.pothosOptions as FieldAccess<object>) : undefined;
}

function checkOf<Types extends SchemaTypes>(field: PothosOutputFieldConfig<Types>): Check | undefined {
  const access = accessOf(field);
  if (access === undefined || access.public === true) return undefined;
  const { requires = [], requiresEntities } = access;
  return async (args, context) => {
    requirePermissions(signedIn(context), requires);
    if (requiresEntities === undefined || requiresEntities.of === "result") return;
    const names = await requiresEntities.of(args, context);
    requireAccess(context.catalog, signedIn(context), names, requiresEntities.access);
  };
}

function contextOf(context: object): Context {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- plugins are generic; there is one builder, and its context is this
  return context as Context;
}

function definitions(schema: GraphQLSchema): GraphQLDirective[] {
  const enumNamed = (name: string): GraphQLEnumType => {
    const type = schema.getType(name);
    if (!(type instanceof GraphQLEnumType)) throw new Error(`The schema has no enum ${name}.`);
    return type;
  };
  const permissions = new GraphQLList(new GraphQLNonNull(enumNamed("Permission")));
  return [
    new GraphQLDirective({
      name: "requires",
      description: "Every listed permission is required of the caller.",
      locations: [DirectiveLocation.FIELD_DEFINITION],
      args: { permissions: { type: new GraphQLNonNull(permissions) } },
    }),
    new GraphQLDirective({
      name: "requiresEntities",
      description:
        "The READ (or WRITE) permissions of every entity that the call touches are required of the caller.",
      locations: [DirectiveLocation.FIELD_DEFINITION],
      args: { access: { type: new GraphQLNonNull(enumNamed("Access")) } },
    }),
  ];
}

SchemaBuilder.registerPlugin("permissions", PermissionsPlugin);
