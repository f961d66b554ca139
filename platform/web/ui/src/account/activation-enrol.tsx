import { useState, type FormEvent } from "react";
import { useQuery } from "@tanstack/react-query";
import { QRCodeSVG } from "qrcode.react";
import { answer } from "../api/client";
import type { ActivationDone, TotpEnrolment } from "../api/types";
import { useClinic } from "../clinic/context";
import { compactCode } from "../format/typed";
import { useText } from "../language/provider";
import { Button } from "../parts/button";
import { CopyButton } from "../parts/copy-button";
import { Field } from "../parts/field";
import { ErrorSummary, useFormProblems } from "../parts/form-problems";
import { usePageTitle } from "../parts/page";
import { Answered } from "../parts/states";
import { useCloister } from "../shell/context";
import { activationOver, flowIsOver } from "./flow";

/** Third step: the authenticator app, by picture or by typed key. */
export function EnrolStep({ onDone }: { onDone: (activated: ActivationDone) => void }) {
  const t = useText();
  const { api } = useCloister();
  const heading = usePageTitle(t("activate.totpTitle"));
  const problems = useFormProblems();
  const enrolment = useQuery({
    queryKey: ["totp-enrolment"],
    queryFn: () => answer(api.POST("/api/v1/activation/totp", { body: {} })),
    staleTime: Infinity,
    gcTime: 0,
  });
  return (
    <>
      <ErrorSummary problems={problems} />
      <h1 ref={heading} tabIndex={-1}>
        {t("activate.totpTitle")}
      </h1>
      <p className="lead">{t("activate.totpText")}</p>
      <Answered query={enrolment}>{(secret) => <EnrolForm enrolment={secret} problems={problems} onDone={onDone} />}</Answered>
    </>
  );
}

interface EnrolFormProps {
  enrolment: TotpEnrolment;
  problems: ReturnType<typeof useFormProblems>;
  onDone: (activated: ActivationDone) => void;
}

function EnrolForm({ enrolment, problems, onDone }: EnrolFormProps) {
  const t = useText();
  const clinic = useClinic();
  const { api } = useCloister();
  const [code, setCode] = useState("");
  const [busy, setBusy] = useState(false);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (busy) return;
    const typed = compactCode(code);
    if (!/^\d{6}$/.test(typed)) {
      return problems.show([{ field: "code", text: typed === "" ? t("field.required", { field: t("signIn.codeField") }) : t("signIn.codeDigits") }]);
    }
    problems.clear();
    setBusy(true);
    try {
      onDone(await answer(api.POST("/api/v1/activation/totp/confirm", { body: { code: typed } })));
    } catch (failure) {
      setCode("");
      problems.showFailure(failure, (problem) =>
        flowIsOver(problem) ? activationOver(t, clinic.name) : problem.status === 401 || problem.status === 422 ? [{ field: "code", text: t("signIn.refusedCode"), hint: t("signIn.refusedCodeHint") }] : null,
      );
    } finally {
      setBusy(false);
    }
  };

  return (
    <form onSubmit={(event) => void submit(event)} noValidate>
      <ol className="numbered">
        <li>{t("activate.totpStep1")}</li>
        <li>
          <p>{t("activate.totpStep2")}</p>
          <div className="enrolment">
            <div className="qr">
              <QRCodeSVG value={enrolment.otpauth_uri} size={184} marginSize={2} level="M" role="img" title={t("activate.qrLabel")} />
            </div>
            <div className="typed-secret">
              <p>
                <a className="button button-secondary" href={enrolment.otpauth_uri}>
                  {t("activate.openApp")}
                </a>
              </p>
              <p>{t("activate.typedSecret")}</p>
              <code>{enrolment.secret.replace(/(.{4})(?=.)/g, "$1 ")}</code>
              <CopyButton text={enrolment.secret} label={t("activate.copySecret")} />
            </div>
          </div>
        </li>
        <li>
          <p>{t("activate.totpStep3")}</p>
          <Field id="code" label={t("signIn.code")} width="code" inputMode="numeric" autoComplete="one-time-code" value={code} onChange={setCode} error={problems.of("code")} />
        </li>
      </ol>
      <Button type="submit" busy={busy}>
        {t("app.continue")}
      </Button>
    </form>
  );
}
