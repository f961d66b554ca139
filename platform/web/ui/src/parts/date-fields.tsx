import { useId } from "react";
import { useText } from "../language/provider";
import { useLanguage } from "../language/provider";

export interface DateParts {
  year: string;
  month: string;
  day: string;
}

interface DateFieldsProps {
  id: string;
  legend: string;
  hint: string;
  error?: string | undefined;
  value: DateParts;
  onChange: (value: DateParts) => void;
}

const AUTO_COMPLETE = { year: "bday-year", month: "bday-month", day: "bday-day" } as const;

/** A memorable date typed as three numbers, in the order the language writes them. */
export function DateFields({ id, legend, hint, error, value, onChange }: DateFieldsProps) {
  const t = useText();
  const { language } = useLanguage();
  const hintId = useId();
  const errorId = useId();
  const order = language === "en" ? (["month", "day", "year"] as const) : (["day", "month", "year"] as const);
  return (
    <fieldset className="field date-fields" aria-describedby={error ? `${hintId} ${errorId}` : hintId}>
      <legend className="field-label">{legend}</legend>
      <p id={hintId} className="field-hint">
        {hint}
      </p>
      {error ? (
        <p id={errorId} className="field-error">
          {error}
        </p>
      ) : null}
      <div className="date-parts">
        {order.map((part, index) => (
          <label key={part} className="date-part">
            <span>{t(`field.${part}`)}</span>
            <input
              id={index === 0 ? id : `${id}-${part}`}
              className={part === "year" ? "input input-year" : "input input-two"}
              inputMode="numeric"
              autoComplete={AUTO_COMPLETE[part]}
              aria-invalid={error ? true : undefined}
              value={value[part]}
              onChange={(event) => onChange({ ...value, [part]: event.target.value })}
            />
          </label>
        ))}
      </div>
    </fieldset>
  );
}
