import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, it } from "vitest";
import type { Result, ResultSummary } from "../api/types";
import { renderInApp } from "../testing/render";
import { fakeServer } from "../testing/server";
import { ResultsList } from "./list";
import { ResultView } from "./result-view";
import { gaugePosition, labelled, roundTicks, trendPoints, valueSpan } from "./scale";
import { valueWithUnit } from "./words";

const summary = (parts: Partial<ResultSummary>): ResultSummary => ({
  id: crypto.randomUUID(), name: "Glucose", code: "2345-7", category: "laboratory", value_text: "92", unit: "mg/dL", interpretation: "in_range", range_text: "70 - 100", effective_at: "2026-03-01T15:00:00Z", status: "final", ...parts,
});
const result = (parts: Partial<Result>): Result => ({ ...summary({}), range: { low: 70, high: 100, text: "70 - 100" }, value_number: 92, components: [], history: [], note: null, ...parts });
const server = () => fakeServer({});
const show = (parts: Partial<Result>) => renderInApp(<ResultView result={result(parts)} patientName="Ana" before={null} hrefOf={(id) => `/results/${id}`} reassure />, server());

describe("one result", () => {
  it("says in words where it stands, without needing color", async () => {
    await show({ value_text: "118", value_number: 118, interpretation: "above" });
    expect(screen.getByText("This result is higher than the usual range.")).toBeVisible();
    expect(screen.getByText("between 70 and 100 mg/dL")).toBeVisible();
    expect(screen.getByText(/on its own that may mean nothing/)).toBeVisible();
    expect(screen.getByRole("img", { name: "118 mg/dL. Usual range: between 70 and 100 mg/dL." })).toBeInTheDocument();
  });

  it.each([
    ["no range", { range: null, range_text: null, interpretation: "no_range", value_text: "2.1", value_number: 2.1 }, "The laboratory gave no usual range for this test."],
    ["too numerous to count", { range: { text: "None seen", low: null, high: null }, interpretation: "not_comparable", value_text: "TNTC", value_number: null, unit: null }, "This result can’t be compared with a range by numbers alone."],
    ["above a limit", { value_text: ">20", value_number: null, interpretation: "above" }, "This result is higher than the usual range."],
    ["equal bounds", { value_text: "0", value_number: 0, range: { low: 0, high: 0, text: "0" }, interpretation: "in_range", unit: "#/LPF" }, "This result is within the usual range."],
  ] as [string, Partial<Result>, string][])("shows a value with %s sensibly", async (_name, parts, sentence) => {
    await show(parts);
    expect(screen.getByText(sentence)).toBeVisible();
    expect(screen.queryByText(/NaN|undefined|null/)).toBeNull();
  });

  it("says equal bounds as one value", async () => {
    await show({ range: { low: 0, high: 0, text: "0" }, unit: "#/LPF" });
    expect(screen.getByText("exactly 0 #/LPF")).toBeVisible();
  });

  it("puts a percent sign with its number, in Spanish too", async () => {
    localStorage.setItem("cloister.language", "es");
    await show({ unit: "%", range: { low: null, high: 5.6, text: "<= 5.6" } });
    localStorage.clear();
    expect(screen.getByText("5.6% o menos")).toBeVisible();
  });

  it("draws only numbers of its unit, and lists everything in the table beside it", async () => {
    const history: Result["history"] = [
      { id: "a", effective_at: "2025-01-01", value_text: "92", value_number: 92, unit: "mg/dL", status: "final", interpretation: "in_range" },
      { id: "b", effective_at: "2026-01-01", value_text: "118", value_number: 118, unit: "mg/dL", status: "final", interpretation: "above" },
      { id: "c", effective_at: "2025-06-01", value_text: "6.1", value_number: 6.1, unit: "mmol/L", status: "final", interpretation: "above" },
      { id: "d", effective_at: null, value_text: "see note", value_number: null, unit: null, status: "final", interpretation: "not_comparable" },
    ];
    await show({ history });
    expect(screen.getByRole("img", { name: /Glucose: 2 results from Jan 1, 2025 to Jan 1, 2026. Lowest 92, highest 118, latest 118 mg\/dL/ })).toBeInTheDocument();
    expect(screen.getByText("2 results are only in the table, because they are not a number in mg/dL.")).toBeVisible();
    const rows = within(screen.getByRole("table")).getAllByRole("row").slice(1).map((row) => row.textContent);
    expect(rows).toEqual(["Jan 1, 2026118 mg/dLAbove range", "Jun 1, 20256.1 mmol/LAbove range", "Jan 1, 202592 mg/dLIn range", "No date givensee noteCan’t be compared"]);
  });
});

describe("the list of results", () => {
  const list = (pages: ResultSummary[][]) =>
    renderInApp(
      <ResultsList queryKey={["results"]} load={async (cursor) => ({ items: pages[Number(cursor ?? 0)]!, next_cursor: Number(cursor ?? 0) + 1 < pages.length ? String(Number(cursor ?? 0) + 1) : null })} hrefOf={(id) => `/results/${id}`} />,
      server(),
    );

  it("groups by the clinic's day and says each interpretation in words", async () => {
    await list([[summary({ effective_at: "2026-03-01T03:30:00Z", interpretation: "below" }), summary({ effective_at: "2026-02-28T18:00:00Z" }), summary({ effective_at: null, name: "Blood group" })]]);
    const headings = (await screen.findAllByRole("heading")).map((heading) => heading.textContent);
    expect(headings).toEqual(["February 28, 2026", "No date given"]);
    expect(screen.getByText("Below range")).toBeVisible();
  });

  it("searches what is loaded, loads more on request, and keeps only what is outside", async () => {
    await list([[summary({ name: "Glucosa" }), summary({ name: "Potassium", interpretation: "below" })], [summary({ name: "Sodium" })]]);
    const user = userEvent.setup();
    await user.click(await screen.findByRole("button", { name: "Load more results" }));
    expect(await screen.findByText("Sodium")).toBeVisible();
    await user.click(screen.getByRole("checkbox", { name: "Only results outside the range" }));
    expect(screen.getAllByRole("link")).toHaveLength(1);
    await user.type(screen.getByRole("searchbox"), "sodium");
    expect(await screen.findByText("Nothing matches")).toBeVisible();
    await user.click(screen.getByRole("button", { name: "Clear the search" }));
    expect(screen.getAllByRole("link")).toHaveLength(3);
  });

  it("says that there is nothing yet", async () => {
    await list([[]]);
    expect(await screen.findByText("No test results yet")).toBeVisible();
  });
});

describe("scales", () => {
  it("ticks on round numbers", () => {
    expect(roundTicks({ min: 66, max: 122 }, 4)).toEqual([80, 100, 120]);
    expect(roundTicks({ min: 0.44, max: 0.96 }, 4)).toEqual([0.6, 0.8]);
  });

  it("has room even where all values are equal, and never goes below zero for positive values", () => {
    const point = { id: "a", at: 0, date: "", value: 0, interpretation: "in_range" as const };
    expect(valueSpan([point], 0, 0)).toEqual({ min: 0, max: 1 });
    expect(valueSpan([{ ...point, value: 5 }], 1, 100).min).toBe(0);
  });

  it("leaves out what was entered in error", () => {
    const entry = { id: "a", effective_at: "2025-01-01", value_text: "1", value_number: 1, unit: "g", status: "entered-in-error", interpretation: "in_range" as const };
    expect(trendPoints({ unit: "g", history: [entry] })).toEqual({ points: [], leftOut: 1 });
  });

  it("labels first, last and extremes of many", () => {
    const points = [1, 9, 3, 0, 5].map((value, at) => ({ id: `${at}`, at, date: "", value, interpretation: "in_range" as const }));
    expect([...labelled(points, 3)].sort()).toEqual(["0", "1", "3", "4"]);
  });

  it("keeps a far value on the gauge, and has none without a width", () => {
    expect(gaugePosition(1000, 70, 100)?.value).toBeLessThan(1);
    expect(gaugePosition(0, 0, 0)).toBeNull();
  });

  it("does not write a unit twice", () => {
    expect(valueWithUnit("5.5", "%")).toBe("5.5%");
    expect(valueWithUnit("120 mg/dL", "mg/dL")).toBe("120 mg/dL");
    expect(valueWithUnit("3", "1")).toBe("3");
    expect(valueWithUnit("3", "{score}")).toBe("3 score");
  });
});
