import type { ReactNode } from "react";

interface CheckboxProps {
  id: string;
  isSelected: boolean;
  onChange: (selected: boolean) => void;
  error?: string | undefined;
  children: ReactNode;
}

/** A native checkbox with a large target. */
export function Checkbox({ id, isSelected, onChange, error, children }: CheckboxProps) {
  return (
    <div className="checkbox-field">
      {error ? (
        <p className="field-error" id={`${id}-error`}>
          {error}
        </p>
      ) : null}
      <label className="checkbox">
        <input type="checkbox" id={id} checked={isSelected} onChange={(event) => onChange(event.target.checked)} aria-invalid={error ? true : undefined} aria-describedby={error ? `${id}-error` : undefined} />
        <span>{children}</span>
      </label>
    </div>
  );
}
