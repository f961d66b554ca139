import type { HistoryEntry, Interpretation, Result } from "../api/types";
import { toMillis } from "../format/moment";
import { readableUnit } from "./words";

/** A result that can be drawn. */
export interface TrendPoint {
  id: string;
  at: number;
  /** The clinical time as the record has it, for writing; a day stays that day in every time zone. */
  date: string;
  value: number;
  interpretation: Interpretation;
}

/** The points of one unit, oldest first, and how many results only the table can show. */
export function trendPoints(result: Pick<Result, "history" | "unit">): { points: TrendPoint[]; leftOut: number } {
  const unit = readableUnit(result.unit);
  const drawable = (entry: HistoryEntry): TrendPoint[] => {
    const at = entry.effective_at ? toMillis(entry.effective_at) : null;
    if (at === null || entry.value_number == null || readableUnit(entry.unit) !== unit || entry.status === "entered-in-error" || entry.status === "cancelled") return [];
    return [{ id: entry.id, at, date: entry.effective_at ?? "", value: entry.value_number, interpretation: entry.interpretation }];
  };
  const points = result.history.flatMap(drawable).sort((a, b) => a.at - b.at);
  return { points, leftOut: result.history.length - points.length };
}

export interface Span {
  min: number;
  max: number;
}

/** The values an axis shows: all points and the range's bounds, with room above and below. */
export function valueSpan(points: readonly TrendPoint[], low: number | null, high: number | null): Span {
  const values = [...points.map((point) => point.value), ...[low, high].filter((bound) => bound !== null)];
  const min = Math.min(...values);
  const max = Math.max(...values);
  const room = max === min ? Math.max(Math.abs(max) * 0.1, 1) : (max - min) * 0.18;
  return { min: min >= 0 ? Math.max(0, min - room) : min - room, max: max + room };
}

/** About `count` round numbers within a span (steps of 1, 2 or 5 times a power of ten). */
export function roundTicks({ min, max }: Span, count: number): number[] {
  const rough = (max - min) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough) ?? power * 10;
  const ticks: number[] = [];
  for (let tick = Math.ceil(min / step) * step; tick <= max + step * 1e-6; tick += step) ticks.push(Number(tick.toPrecision(12)));
  return ticks;
}

/** Which points carry their value in writing: all of a few, else the first, the last and the extremes. */
export function labelled(points: readonly TrendPoint[], most: number): Set<string> {
  if (points.length <= most) return new Set(points.map((point) => point.id));
  const byValue = [...points].sort((a, b) => a.value - b.value);
  return new Set([points[0], points.at(-1), byValue[0], byValue.at(-1)].flatMap((point) => (point ? [point.id] : [])));
}

/** Where the value stands on a bar that shows the range in its middle, in shares of the bar; null without both bounds. */
export function gaugePosition(value: number, low: number, high: number): { low: number; high: number; value: number } | null {
  if (!(high > low)) return null;
  const width = high - low;
  const min = low - width * 0.6;
  const share = (number: number) => Math.min(0.985, Math.max(0.015, (number - min) / (width * 2.2)));
  return { low: share(low), high: share(high), value: share(value) };
}
