import { describe, expect, it } from "vitest";
import { clinicProperties, contrast, parseColor } from "./colors";

const rgb = (value: string) => value.match(/\d+/g)!.map(Number) as unknown as readonly [number, number, number];
const BRANDS = ["#114b46", "#ffff00", "#ffffff", "#000000", "#808080", "#e91e63", "#0af", "nonsense", "rgb(1,2,3)"];

describe.each(BRANDS)("brand %s", (brand) => {
  const properties = clinicProperties({ brand, on_brand: "#777777" });

  it("is written on readably", () => {
    expect(contrast(rgb(properties["--on-brand"]!), rgb(properties["--brand"]!))).toBeGreaterThanOrEqual(4.5);
  });

  it("gives accents that are readable on light and dark pages", () => {
    expect(contrast(rgb(properties["--accent-light"]!), [235, 239, 235])).toBeGreaterThanOrEqual(4.5);
    expect(contrast(rgb(properties["--accent-dark"]!), [31, 42, 40])).toBeGreaterThanOrEqual(7);
  });
});

it("keeps a clinic's own pair where it is readable", () => {
  expect(clinicProperties({ brand: "#114b46", on_brand: "#f4f6f3" })).toMatchObject({ "--brand": "rgb(17 75 70)", "--on-brand": "rgb(244 246 243)" });
});

it("refuses what is not a hexadecimal color", () => {
  expect(parseColor("red; background: url(x)")).toBeNull();
});
