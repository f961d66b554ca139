import { isArgumentElement, isPluralElement, isSelectElement, parse, type MessageFormatElement } from "@formatjs/icu-messageformat-parser";
import { describe, expect, it } from "vitest";
import { catalogue as consoleCatalogue } from "../../../console/src/language/catalogue";
import { catalogue as portalCatalogue } from "../../../portal/src/language/catalogue";
import { sharedCatalogue } from "./catalogue";

function argumentsOf(elements: MessageFormatElement[]): string[] {
  return elements.flatMap((element) => {
    if (isPluralElement(element) || isSelectElement(element)) return [element.value, ...Object.values(element.options).flatMap((option) => argumentsOf(option.value))];
    return isArgumentElement(element) ? [element.value] : [];
  });
}

const distinct = (message: string) => [...new Set(argumentsOf(parse(message)))].sort();

describe.each([
  ["shared", sharedCatalogue],
  ["portal", portalCatalogue],
  ["console", consoleCatalogue],
])("%s catalogue", (_name, catalogue) => {
  const ids = Object.keys(catalogue.en);

  it("has the same ids in both languages", () => {
    expect(Object.keys(catalogue.es).sort()).toEqual([...ids].sort());
  });

  it("takes the same values in both languages, in well-formed messages", () => {
    const values = (language: Record<string, string>) => Object.fromEntries(ids.map((id) => [id, distinct(language[id]!)]));
    expect(values(catalogue.es)).toEqual(values(catalogue.en));
  });
});

it("no app redefines a shared id", () => {
  const shared = Object.keys(sharedCatalogue.en);
  for (const own of [portalCatalogue, consoleCatalogue]) expect(Object.keys(own.en).filter((id) => shared.includes(id))).toEqual([]);
});
