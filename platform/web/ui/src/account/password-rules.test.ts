import { expect, it } from "vitest";
import { passwordRules } from "./password-rules";

const met = (password: string) => passwordRules(password, 15, "Lakeside Family Medicine").filter((rule) => rule.met).map(({ id }) => id);

it.each([
  ["", []],
  ["quiet harbor lantern", ["length", "mix", "context"]],
  ["abcdefghijklmno", ["length", "context"]],
  ["Abcdefghijklmn1", ["length", "mix", "context"]],
  ["my LAKESIDE password", ["length", "mix"]],
  ["ñandú ñandú ñan", ["length", "context"]],
])("%s meets %o", (password, rules) => {
  expect(met(password)).toEqual(rules);
});
