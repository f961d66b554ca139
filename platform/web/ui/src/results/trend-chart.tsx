import { useEffect, useRef, useState } from "react";
import { labelled, roundTicks, valueSpan, type TrendPoint } from "./scale";

interface TrendChartProps {
  points: readonly TrendPoint[];
  low: number | null;
  high: number | null;
  /** The whole chart in a sentence; the table beside it says the rest. */
  summary: string;
  bandLabel: string;
  currentId: string;
  highlightedId: string | null;
  writeValue: (value: number) => string;
  writeDate: (date: string) => string;
}

const HEIGHT = 300;
const EDGE = { top: 30, right: 16, bottom: 36, left: 54 };
/** Keeps the outermost points and their values off the axis. */
const INSET = 26;

/** Values over time above the usual range, drawn to the width it is given. Shape, not only color, tells above from below. */
export function TrendChart({ points, low, high, summary, bandLabel, currentId, highlightedId, writeValue, writeDate }: TrendChartProps) {
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box);
  const span = valueSpan(points, low, high);
  const first = points[0]?.at ?? 0;
  const last = points.at(-1)?.at ?? 0;
  const inner = width - EDGE.left - EDGE.right;
  const x = (at: number) => EDGE.left + (last === first ? inner / 2 : INSET + ((at - first) / (last - first)) * (inner - 2 * INSET));
  const y = (value: number) => EDGE.top + ((span.max - value) / (span.max - span.min)) * (HEIGHT - EDGE.top - EDGE.bottom);
  const floor = HEIGHT - EDGE.bottom;
  const bandTop = high === null ? EDGE.top : y(high);
  const bandBottom = low === null ? floor : y(low);
  const withLabel = labelled(points, Math.max(3, Math.floor(width / 90)));
  const hasBand = low !== null || high !== null;
  return (
    <div ref={box} className="trend-chart">
      <svg width={width} height={HEIGHT} role="img" aria-label={summary}>
        {hasBand ? (
          <>
            <rect className="trend-band" x={EDGE.left} y={bandTop} width={inner} height={Math.max(2, bandBottom - bandTop)} />
            <text className="trend-band-label" x={EDGE.left + 8} y={Math.min(bandBottom - 7, floor - 7)}>
              {bandLabel}
            </text>
          </>
        ) : null}
        {roundTicks(span, 4).map((tick) => (
          <g key={tick}>
            <path className="trend-grid" d={`M${EDGE.left} ${y(tick)}h${inner}`} />
            <text className="trend-axis" x={EDGE.left - 10} y={y(tick) + 4} textAnchor="end">
              {writeValue(tick)}
            </text>
          </g>
        ))}
        {hasBand ? <path className="trend-bound" d={[high, low].flatMap((bound) => (bound === null ? [] : [`M${EDGE.left} ${y(bound)}h${inner}`])).join("")} /> : null}
        <text className="trend-axis" x={EDGE.left} y={HEIGHT - 10}>
          {writeDate(points[0]?.date ?? "")}
        </text>
        <text className="trend-axis" x={width - EDGE.right} y={HEIGHT - 10} textAnchor="end">
          {writeDate(points.at(-1)?.date ?? "")}
        </text>
        <polyline className="trend-line" points={points.map((point) => `${x(point.at)},${y(point.value)}`).join(" ")} />
        {points.map((point) => (
          <g key={point.id} transform={`translate(${x(point.at)} ${y(point.value)})`} className={`trend-point trend-${point.interpretation}`}>
            {point.id === currentId || point.id === highlightedId ? <circle className="trend-ring" r="12" /> : null}
            <PointShape interpretation={point.interpretation} />
            {withLabel.has(point.id) || point.id === highlightedId || point.id === currentId ? (
              <text className="trend-value" y="-16" textAnchor="middle">
                {writeValue(point.value)}
              </text>
            ) : null}
          </g>
        ))}
      </svg>
    </div>
  );
}

function PointShape({ interpretation }: Pick<TrendPoint, "interpretation">) {
  if (interpretation === "above") return <path d="M0-7 7 5H-7Z" />;
  if (interpretation === "below") return <path d="M0 7 7-5H-7Z" />;
  if (interpretation === "outside") return <path d="M0-7 7 0 0 7-7 0Z" />;
  return <circle r="5.5" />;
}

function useWidth(box: React.RefObject<HTMLDivElement | null>): number {
  const [width, setWidth] = useState(560);
  useEffect(() => {
    const element = box.current;
    if (!element || typeof ResizeObserver === "undefined") return;
    const observer = new ResizeObserver(([entry]) => {
      if (entry) setWidth(Math.max(260, Math.floor(entry.contentRect.width)));
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, [box]);
  return width;
}
