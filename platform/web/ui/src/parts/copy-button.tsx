import { useState } from "react";
import { useText } from "../language/provider";
import { Button } from "./button";

/** Copies a text and says so. */
export function CopyButton({ text, label }: { text: string; label?: string }) {
  const t = useText();
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    setCopied(true);
    window.setTimeout(() => setCopied(false), 4000);
  };
  return (
    <>
      <Button kind="secondary" onPress={() => void copy()}>
        {copied ? t("app.copied") : (label ?? t("app.copy"))}
      </Button>
      <span role="status" className="visually-hidden">
        {copied ? t("app.copied") : ""}
      </span>
    </>
  );
}
