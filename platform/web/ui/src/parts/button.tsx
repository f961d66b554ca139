import { Button as AriaButton, type ButtonProps as AriaButtonProps } from "react-aria-components";
import type { ReactNode } from "react";

interface ButtonProps extends Omit<AriaButtonProps, "children" | "className" | "style" | "isPending"> {
  kind?: "primary" | "secondary" | "quiet" | "danger";
  busy?: boolean;
  children: ReactNode;
}

/** A button. While `busy` it keeps the focus and takes no second press. */
export function Button({ kind = "primary", busy = false, onPress, children, ...rest }: ButtonProps) {
  return (
    <AriaButton {...rest} {...(onPress && !busy ? { onPress } : {})} className={`button button-${kind}${busy ? " button-busy" : ""}`}>
      {children}
    </AriaButton>
  );
}
