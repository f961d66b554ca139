import { useState, type FormEvent } from "react";
import { answer } from "../api/client";
import type { Problem } from "../api/problem";
import { useClinic } from "../clinic/context";
import { compactCode, looksLikeEmail } from "../format/typed";
import { useText } from "../language/provider";
import { Button } from "../parts/button";
import { Field } from "../parts/field";
import { ErrorSummary, useFormProblems, type FormMessage } from "../parts/form-problems";
import { usePageTitle } from "../parts/page";
import { PasswordField } from "../parts/password-field";
import { Notice } from "../parts/states";
import { useCloister, useSession } from "../shell/context";
import { VisitorPage } from "../shell/visitor-page";
import { flowIsOver } from "./flow";

type Step = "password" | "totp" | "recovery";

/** Sign-in, one step a page: email and password, then a code from the app or a recovery code. */
export function SignIn({ ended, onSignedIn }: { ended?: "signed_out" | "timed_out" | undefined; onSignedIn: () => void }) {
  const t = useText();
  const session = useSession();
  const [step, setStep] = useState<Step>(session.step === "totp" ? "totp" : "password");
  return (
    <VisitorPage>
      {step === "password" ? (
        <>
          {ended ? (
            <Notice tone={ended === "signed_out" ? "good" : "caution"} live>
              <p>{t(ended === "signed_out" ? "signIn.signedOut" : "signIn.timedOut")}</p>
            </Notice>
          ) : null}
          <PasswordStep onDone={() => setStep("totp")} />
        </>
      ) : (
        <CodeStep key={step} kind={step} onSwitch={() => setStep(step === "totp" ? "recovery" : "totp")} onSignedIn={onSignedIn} />
      )}
    </VisitorPage>
  );
}

function expired(problem: Problem, t: ReturnType<typeof useText>): FormMessage[] | null {
  return flowIsOver(problem) ? [{ field: null, text: t("signIn.expired"), hint: t("signIn.expiredHint"), href: "/sign-in" }] : null;
}

function PasswordStep({ onDone }: { onDone: () => void }) {
  const t = useText();
  const { api } = useCloister();
  const problems = useFormProblems();
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const [busy, setBusy] = useState(false);
  const heading = usePageTitle(t("signIn.title"));

  const missing = (): FormMessage[] => [
    ...(email.trim() === ""
      ? [{ field: "email", text: t("field.required", { field: t("signIn.emailField") }) }]
      : looksLikeEmail(email.trim())
        ? []
        : [{ field: "email", text: t("signIn.emailFormat") }]),
    ...(password === "" ? [{ field: "password", text: t("field.required", { field: t("signIn.passwordField") }) }] : []),
  ];
  const refused = (problem: Problem): FormMessage[] | null =>
    problem.code === "sign_in.refused" ? [{ field: "email", text: t("signIn.refusedPassword"), hint: t("signIn.refusedHint") }] : expired(problem, t);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (busy) return;
    const found = missing();
    if (found.length > 0) return problems.show(found);
    problems.clear();
    setBusy(true);
    try {
      await answer(api.POST("/api/v1/sign-in/password", { body: { email: email.trim(), password } }));
      onDone();
    } catch (failure) {
      setPassword("");
      problems.showFailure(failure, refused);
    } finally {
      setBusy(false);
    }
  };

  return (
    <form onSubmit={(event) => void submit(event)} noValidate>
      <ErrorSummary problems={problems} />
      <h1 ref={heading} tabIndex={-1}>
        {t("signIn.title")}
      </h1>
      <Field id="email" label={t("signIn.email")} type="email" inputMode="email" autoComplete="username" value={email} onChange={setEmail} error={problems.of("email")} />
      <PasswordField id="password" label={t("signIn.password")} autoComplete="current-password" value={password} onChange={setPassword} error={problems.of("password")} />
      <Button type="submit" busy={busy}>
        {t("app.continue")}
      </Button>
      <p className="aside">{t("signIn.newHere")}</p>
    </form>
  );
}

interface CodeStepProps {
  kind: "totp" | "recovery";
  onSwitch: () => void;
  onSignedIn: () => void;
}

const WORDS = {
  totp: { title: "signIn.codeTitle", label: "signIn.code", field: "signIn.codeField", refused: "signIn.refusedCode", refusedHint: "signIn.refusedCodeHint", other: "signIn.useRecovery" },
  recovery: { title: "signIn.recoveryTitle", label: "signIn.recovery", field: "signIn.recoveryField", refused: "signIn.refusedRecovery", refusedHint: "signIn.refusedRecoveryHint", other: "signIn.useTotp" },
} as const;

function CodeStep({ kind, onSwitch, onSignedIn }: CodeStepProps) {
  const t = useText();
  const clinic = useClinic();
  const { api, session } = useCloister();
  const problems = useFormProblems();
  const [code, setCode] = useState("");
  const [busy, setBusy] = useState(false);
  const words = WORDS[kind];
  const heading = usePageTitle(t(words.title));

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (busy) return;
    const typed = compactCode(code);
    if (typed === "") return problems.show([{ field: "code", text: t("field.required", { field: t(words.field) }) }]);
    if (kind === "totp" && !/^\d{6}$/.test(typed)) return problems.show([{ field: "code", text: t("signIn.codeDigits") }]);
    problems.clear();
    setBusy(true);
    try {
      const path = kind === "totp" ? "/api/v1/sign-in/totp" : "/api/v1/sign-in/recovery-code";
      session.accept(await answer(api.POST(path, { body: { code: typed } })));
      onSignedIn();
    } catch (failure) {
      setCode("");
      problems.showFailure(failure, (problem) =>
        problem.code === "sign_in.refused" ? [{ field: "code", text: t(words.refused), hint: t(words.refusedHint) }] : expired(problem, t),
      );
    } finally {
      setBusy(false);
    }
  };

  return (
    <form onSubmit={(event) => void submit(event)} noValidate>
      <ErrorSummary problems={problems} />
      <h1 ref={heading} tabIndex={-1}>
        {t(words.title)}
      </h1>
      <p className="lead">{kind === "totp" ? t("signIn.codeText", { clinic: clinic.name }) : t("signIn.recoveryText")}</p>
      <Field
        id="code"
        label={t(words.label)}
        hint={kind === "totp" ? t("signIn.codeHint") : undefined}
        width={kind === "totp" ? "code" : "full"}
        inputMode={kind === "totp" ? "numeric" : "text"}
        autoComplete="one-time-code"
        value={code}
        onChange={setCode}
        error={problems.of("code")}
      />
      <Button type="submit" busy={busy}>
        {t("signIn.title")}
      </Button>
      <div className="aside stack">
        <Button kind="quiet" onPress={onSwitch}>
          {t(words.other)}
        </Button>
        <a href="/sign-in">{t("signIn.startAgain")}</a>
      </div>
    </form>
  );
}
