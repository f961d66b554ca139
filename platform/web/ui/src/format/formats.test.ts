import { describe, expect, it } from "vitest";
import { deviceOf } from "./device";
import { ageOn, createMoments } from "./moment";
import { birthDateOf, compactCode, searchable } from "./typed";

describe("dates of a record", () => {
  const moments = createMoments("en-US", "America/Chicago");

  it.each([
    ["2026", "2026"],
    ["2026-03", "March 2026"],
    ["2026-03-01", "March 1, 2026"],
    ["2026-03-01T03:30:00Z", "February 28, 2026"],
    ["not a date", "not a date"],
  ])("%s is written as %s", (value, written) => {
    expect(moments.day(value)).toBe(written);
  });

  it("puts an instant on the clinic's day, not on that of Greenwich", () => {
    expect(moments.dayKey("2026-03-01T03:30:00Z")).toBe("2026-02-28");
  });

  it("writes Spanish", () => {
    expect(createMoments("es-US", "America/Chicago").day("2026-03-01")).toBe("1 de marzo de 2026");
  });

  it("survives a time zone the browser does not know", () => {
    expect(createMoments("en-US", "Nowhere/Nowhere").day("2026-03-01T12:00:00Z")).toBe("March 1, 2026");
  });

  it("counts years of age up to the birthday, and none for a partial date", () => {
    expect(ageOn("1962-03-28", new Date(2026, 2, 27))).toBe(63);
    expect(ageOn("1962-03-28", new Date(2026, 2, 28))).toBe(64);
    expect(ageOn("1962-03", new Date(2026, 2, 28))).toBeNull();
  });
});

describe("what people type", () => {
  it.each(["123 456", "123-456", " 123–456 ", "123\u00a0456"])("takes %s as a code", (typed) => {
    expect(compactCode(typed)).toBe("123456");
  });

  it("finds accented names without accents", () => {
    expect(searchable("Núñez ŻÓŁĆ")).toBe("nunez zołc");
  });

  const today = new Date("2026-03-01");
  it("reads a birth date", () => {
    expect(birthDateOf({ year: "1962", month: "3", day: "28" }, today)).toBe("1962-03-28");
  });
  it.each([
    { year: "1961", month: "2", day: "29" },
    { year: "62", month: "3", day: "28" },
    { year: "2027", month: "1", day: "1" },
    { year: "1962", month: "x", day: "1" },
  ])("refuses %o", (parts) => {
    expect(birthDateOf(parts, today)).toBeNull();
  });

  it("names a device, and not one it does not know", () => {
    expect(deviceOf("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605 Version/18.0 Mobile Safari/604.1")).toEqual({ browser: "Safari", system: "iOS" });
    expect(deviceOf("curl/8")).toBeNull();
  });
});
