import type { HTMLInputAutoCompleteAttribute, HTMLInputTypeAttribute } from "react";
import { FieldError, Input, Label, Text as AriaText, TextArea, TextField } from "react-aria-components";

export interface FieldProps {
  /** Also the target of links in the error summary. */
  id: string;
  label: string;
  hint?: string | undefined;
  error?: string | undefined;
  value: string;
  onChange: (value: string) => void;
  type?: HTMLInputTypeAttribute;
  autoComplete?: HTMLInputAutoCompleteAttribute;
  inputMode?: "text" | "numeric" | "email";
  width?: "code" | "short" | "full";
  lines?: number;
  spellCheck?: boolean;
}

/** A labelled input with its hint and error above it, tied together for assistive technology. */
export function Field({ id, label, hint, error, value, onChange, type = "text", autoComplete = "off", inputMode, width = "full", lines, spellCheck = false }: FieldProps) {
  return (
    <TextField className="field" value={value} onChange={onChange} isInvalid={error !== undefined} validationBehavior="aria" type={type} autoComplete={autoComplete} {...(inputMode ? { inputMode } : {})}>
      <Label className="field-label">{label}</Label>
      {hint ? (
        <AriaText slot="description" className="field-hint">
          {hint}
        </AriaText>
      ) : null}
      <FieldError className="field-error">{error}</FieldError>
      {lines ? (
        <TextArea id={id} className="input" rows={lines} spellCheck={spellCheck} />
      ) : (
        <Input id={id} className={`input input-${width}`} spellCheck={spellCheck} autoCapitalize="none" />
      )}
    </TextField>
  );
}
