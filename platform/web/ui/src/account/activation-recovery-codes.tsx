import { useState, type FormEvent } from "react";
import { Checkbox } from "../parts/checkbox";
import { useClinic } from "../clinic/context";
import { useText } from "../language/provider";
import { Button } from "../parts/button";
import { CopyButton } from "../parts/copy-button";
import { ErrorSummary, useFormProblems } from "../parts/form-problems";
import { usePageTitle } from "../parts/page";

/** Last step: the recovery codes, shown this once, to copy, download or print. */
export function RecoveryCodesStep({ codes, onDone }: { codes: readonly string[]; onDone: () => void }) {
  const t = useText();
  const clinic = useClinic();
  const problems = useFormProblems();
  const heading = usePageTitle(t("activate.recoveryTitle"));
  const [saved, setSaved] = useState(false);
  const fileTitle = t("activate.recoveryFile", { clinic: clinic.name });

  const download = () => {
    const address = URL.createObjectURL(new Blob([`${fileTitle}\n\n${codes.join("\n")}\n`], { type: "text/plain" }));
    const link = document.createElement("a");
    link.href = address;
    link.download = `${clinic.slug}-recovery-codes.txt`;
    link.click();
    URL.revokeObjectURL(address);
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (saved) onDone();
    else problems.show([{ field: "saved", text: t("activate.recoveryConfirm") }]);
  };

  return (
    <form onSubmit={submit} noValidate>
      <ErrorSummary problems={problems} />
      <h1 ref={heading} tabIndex={-1}>
        {t("activate.recoveryTitle")}
      </h1>
      <p className="lead">{t("activate.recoveryText")}</p>
      <ol className="recovery-codes" aria-label={t("activate.recoveryList")}>
        {codes.map((code) => (
          <li key={code}>
            <code>{code}</code>
          </li>
        ))}
      </ol>
      <div className="button-row no-print">
        <CopyButton text={codes.join("\n")} />
        <Button kind="secondary" onPress={download}>
          {t("activate.download")}
        </Button>
        <Button kind="secondary" onPress={() => window.print()}>
          {t("app.print")}
        </Button>
      </div>
      <Checkbox id="saved" isSelected={saved} onChange={setSaved} error={problems.of("saved")}>
        {t("activate.recoverySaved")}
      </Checkbox>
      <Button type="submit">{t("activate.finish")}</Button>
    </form>
  );
}
