import { useState } from "react";
import type { ActivationDone, ActivationIdentity } from "../api/types";
import { useClinic } from "../clinic/context";
import { useText } from "../language/provider";
import { usePageTitle } from "../parts/page";
import { useCloister, useSession } from "../shell/context";
import { VisitorPage } from "../shell/visitor-page";
import { EnrolStep } from "./activation-enrol";
import { IdentityStep } from "./activation-identity";
import { PasswordChoiceStep } from "./activation-password";
import { RecoveryCodesStep } from "./activation-recovery-codes";

type Step = "identity" | "password" | "totp" | "codes";
const STEPS: Step[] = ["identity", "password", "totp", "codes"];

/** Takes the invitation's token out of the address, where it must not stay, into memory. */
export function takeInvitationToken(): string | null {
  const token = new URLSearchParams(window.location.hash.slice(1)).get("token");
  if (window.location.hash) window.history.replaceState(window.history.state, "", window.location.pathname);
  return token;
}

function stepAtStart(step: string | null | undefined): Step {
  if (step === "activate_password") return "password";
  return step === "activate_totp" ? "totp" : "identity";
}

/** Activation of an invited account: who you are, a password, an authenticator app, recovery codes. */
export function Activation({ token, onActivated }: { token: string | null; onActivated: () => void }) {
  const t = useText();
  const { session } = useCloister();
  const [step, setStep] = useState<Step>(stepAtStart(useSession().step));
  const [identity, setIdentity] = useState<ActivationIdentity | null>(null);
  const [done, setDone] = useState<ActivationDone | null>(null);

  const finish = () => {
    if (!done) return;
    session.accept(done.session);
    onActivated();
  };

  return (
    <VisitorPage>
      <p className="eyebrow">{t("activate.progress", { step: STEPS.indexOf(step) + 1, total: STEPS.length })}</p>
      <progress className="steps" value={STEPS.indexOf(step) + 1} max={STEPS.length} aria-hidden="true" />
      {step === "identity" && token === null ? <NoToken /> : null}
      {step === "identity" && token !== null ? (
        <IdentityStep
          token={token}
          onDone={(accepted) => {
            setIdentity(accepted);
            setStep("password");
          }}
        />
      ) : null}
      {step === "password" ? <PasswordChoiceStep identity={identity} onDone={() => setStep("totp")} /> : null}
      {step === "totp" ? (
        <EnrolStep
          onDone={(activated) => {
            setDone(activated);
            setStep("codes");
          }}
        />
      ) : null}
      {step === "codes" && done ? <RecoveryCodesStep codes={done.recovery_codes} onDone={finish} /> : null}
    </VisitorPage>
  );
}

function NoToken() {
  const t = useText();
  const clinic = useClinic();
  const heading = usePageTitle(t("activate.identityTitle"));
  return (
    <>
      <h1 ref={heading} tabIndex={-1}>
        {t("activate.noToken")}
      </h1>
      <p className="lead">{t("activate.noTokenText", { clinic: clinic.name })}</p>
    </>
  );
}
