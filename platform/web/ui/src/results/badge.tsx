import type { Interpretation } from "../api/types";
import { useText } from "../language/provider";
import { INTERPRETATION } from "./words";

const SHAPES = {
  check: <path d="m3.5 8.5 3 3 6-7" />,
  up: <path d="M8 13V3M3.5 7.5 8 3l4.5 4.5" />,
  down: <path d="M8 3v10M3.5 8.5 8 13l4.5-4.5" />,
  ring: <circle cx="8" cy="8" r="4.5" />,
  none: <path d="M4 8h8" />,
};

/** An interpretation in a few words with a sign; color only repeats it. */
export function InterpretationBadge({ interpretation }: { interpretation: Interpretation }) {
  const t = useText();
  const { short, tone, sign } = INTERPRETATION[interpretation];
  return (
    <span className={`badge badge-${tone}`}>
      <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
        {SHAPES[sign]}
      </svg>
      {t(short)}
    </span>
  );
}
