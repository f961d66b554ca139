import { gaugePosition } from "./scale";

interface GaugeProps {
  value: number;
  low: number;
  high: number;
  label: string;
  write: (value: number) => string;
}

const WIDTH = 400;

/** Where a value lies relative to its range. The same is said in words beside it. */
export function RangeGauge({ value, low, high, label, write }: GaugeProps) {
  const at = gaugePosition(value, low, high);
  if (!at) return null;
  const x = at.value * WIDTH;
  return (
    <svg className="gauge" viewBox={`0 0 ${WIDTH} 58`} role="img" aria-label={label}>
      <rect className="gauge-track" x="0" y="20" width={WIDTH} height="12" rx="6" />
      <rect className="gauge-range" x={at.low * WIDTH} y="20" width={(at.high - at.low) * WIDTH} height="12" />
      <path className="gauge-bound" d={`M${at.low * WIDTH} 16v20M${at.high * WIDTH} 16v20`} />
      <text className="gauge-text" x={at.low * WIDTH} y="53" textAnchor="middle">
        {write(low)}
      </text>
      <text className="gauge-text" x={at.high * WIDTH} y="53" textAnchor="middle">
        {write(high)}
      </text>
      <path className="gauge-marker" d={`M${x} 38l-8-12v-20a8 8 0 0 1 16 0v20Z`} />
    </svg>
  );
}
