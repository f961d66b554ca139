import { expect, it } from "vitest";
import { readKeySet } from "./key-set";

it.each(["", "[]", "{}", '{"keys":[]}', '{"keys":"x"}', "null", "not json"])("refuses %s", (text) => {
  expect(readKeySet(text)).toEqual({ flaw: "invalid" });
});

it.each(["d", "k", "p"])("keeps keys with a private part %s in the browser", (part) => {
  expect(readKeySet(JSON.stringify({ keys: [{ kty: "EC", [part]: "x" }] }))).toEqual({ flaw: "private" });
});

it("reads a public key set", () => {
  const keySet = { keys: [{ kty: "EC", crv: "P-384", x: "a", y: "b" }] };
  expect(readKeySet(JSON.stringify(keySet))).toEqual({ keySet });
});
