import type { ReactNode } from "react";
import { useClinic } from "../clinic/context";
import { Arcade, ClinicMark } from "../clinic/mark";
import { useText } from "../language/provider";
import { LanguageSwitch } from "./language-switch";

/** The frame of the pages before sign-in: the clinic beside one thing to do. */
export function VisitorPage({ children }: { children: ReactNode }) {
  const t = useText();
  const clinic = useClinic();
  const portal = clinic.audience === "portal";
  return (
    <div className="visitor">
      <header className="visitor-brand">
        <p className="brand-name">
          <ClinicMark clinic={clinic} />
          <span>
            {clinic.name}
            <small>{t(portal ? "app.portalName" : "app.consoleName")}</small>
          </span>
        </p>
        <div className="visitor-welcome">
          <p className="visitor-headline">{t(portal ? "signIn.welcomePortal" : "signIn.welcomeConsole")}</p>
            <p>{t(portal ? "signIn.welcomePortalText" : "signIn.welcomeConsoleText")}</p>
            <ul>
              <li>{t("signIn.promiseKeys")}</li>
              <li>{t("signIn.promiseFactor")}</li>
              <li>{t("signIn.promiseAudit")}</li>
            </ul>
        </div>
        <Arcade />
      </header>
      <div className="visitor-side">
        <div className="visitor-tools">
          <LanguageSwitch />
        </div>
        <main id="main" className="visitor-main">
          {children}
        </main>
      </div>
    </div>
  );
}
