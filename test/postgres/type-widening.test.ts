import { describe, expect, it } from "vitest";
import { holdsEveryValue } from "../../src/postgres/type-widening.ts";

describe("holdsEveryValue", () => {
  it.each([
    ["integer", "integer"],
    ["app.mood", "app.mood"],
    ["bigint", "integer"],
    ["bigint", "smallint"],
    ["numeric", "bigint"],
    ["numeric", "numeric(10,2)"],
    ["numeric(12,3)", "numeric(10,2)"],
    ["text", "character varying(10)"],
    ["text", "uuid"],
    ["character varying", "text"],
    ["character varying(20)", "character varying(10)"],
    ["timestamp(6) without time zone", "timestamp(3) without time zone"],
    ["timestamp with time zone", "timestamp(0) with time zone"],
    ["bigint[]", "integer[]"],
    ["text[]", "character varying(3)[]"],
  ])("is so for %s of %s", (to, from) => {
    expect(holdsEveryValue(to, from)).toBe(true);
  });

  it.each([
    ["integer", "bigint"],
    ["integer", "text"],
    ["smallint", "integer"],
    ["bigint", "numeric"],
    ["numeric(10,1)", "numeric(10,2)"],
    ["numeric(10,3)", "numeric(10,2)"],
    ["numeric(10,2)", "numeric"],
    ["numeric(10,2)", "integer"],
    ["character varying(5)", "character varying(10)"],
    ["character varying(5)", "character varying"],
    ["character varying(5)", "text"],
    ["text", "character(5)"],
    ["character(10)", "character(5)"],
    ["timestamp(0) without time zone", "timestamp without time zone"],
    ["timestamp with time zone", "timestamp without time zone"],
    ["double precision", "real"],
    ["real", "double precision"],
    ["jsonb", "json"],
    ["app.mood", "app.feeling"],
    ["integer[]", "integer"],
    ["integer", "integer[]"],
    ["integer[]", "bigint[]"],
  ])("is not so for %s of %s", (to, from) => {
    expect(holdsEveryValue(to, from)).toBe(false);
  });
});
