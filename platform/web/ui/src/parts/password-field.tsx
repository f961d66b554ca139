import { useState } from "react";
import { FieldError, Input, Label, TextField, ToggleButton } from "react-aria-components";
import { useText } from "../language/provider";
import type { FieldProps } from "./field";

type PasswordFieldProps = Pick<FieldProps, "id" | "label" | "error" | "value" | "onChange"> & {
  autoComplete: "current-password" | "new-password";
};

/** A password that can be shown while it is typed. */
export function PasswordField({ id, label, error, value, onChange, autoComplete }: PasswordFieldProps) {
  const t = useText();
  const [shown, setShown] = useState(false);
  return (
    <TextField className="field" value={value} onChange={onChange} isInvalid={error !== undefined} validationBehavior="aria" type={shown ? "text" : "password"} autoComplete={autoComplete}>
      <Label className="field-label">{label}</Label>
      <FieldError className="field-error">{error}</FieldError>
      <div className="input-row">
        <Input id={id} className="input input-full" spellCheck={false} autoCapitalize="none" />
        <ToggleButton className="button button-quiet input-toggle" isSelected={shown} onChange={setShown} aria-label={t(shown ? "field.hideLabel" : "field.showLabel")}>
          {t(shown ? "field.hide" : "field.show")}
        </ToggleButton>
      </div>
    </TextField>
  );
}
