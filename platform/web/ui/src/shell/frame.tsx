import type { ReactNode } from "react";
import { useRouterState } from "@tanstack/react-router";
import { useClinic } from "../clinic/context";
import { ClinicMark } from "../clinic/mark";
import { useText } from "../language/provider";
import { Button } from "../parts/button";
import { StepUpProvider } from "../session/step-up";
import { useSignOut } from "../session/sign-out";
import { TimeoutWarning } from "../session/timeout";
import { AppLink } from "./app-link";
import { useSession } from "./context";
import { LanguageSwitch } from "./language-switch";

export interface NavigationItem {
  to: string;
  label: string;
  /** Other paths under which the item is the current one. */
  also?: string[];
}

/** The frame of every signed-in page. */
export function Frame({ navigation, layout, children }: { navigation: NavigationItem[]; layout: "portal" | "console"; children: ReactNode }) {
  const t = useText();
  const clinic = useClinic();
  const { user } = useSession();
  const signOut = useSignOut();
  const path = useRouterState({ select: (state) => state.location.pathname });
  const isCurrent = ({ to, also = [] }: NavigationItem) => (to === "/" ? path === "/" : path.startsWith(to)) || also.some((start) => path.startsWith(start));
  return (
    <StepUpProvider>
      <div className={`frame frame-${layout}`}>
        <a className="skip" href="#main">
          {t("app.skip")}
        </a>
        <header className="site-header">
          <div className="site-header-row">
            <AppLink to="/" className="brand-name">
              <ClinicMark clinic={clinic} />
              <span>
                {clinic.name}
                <small>{t(layout === "portal" ? "app.portalName" : "app.consoleName")}</small>
              </span>
            </AppLink>
            <div className="site-tools">
              {user ? <span className="site-user">{t("app.signedInAs", { name: user.display_name })}</span> : null}
              <LanguageSwitch />
              <Button kind="quiet" onPress={() => signOut("signed_out")}>
                {t("app.signOut")}
              </Button>
            </div>
          </div>
        </header>
        <nav className="site-nav" aria-label={t("app.menu")}>
          <ul>
            {navigation.map((item) => (
              <li key={item.to}>
                <AppLink to={item.to} current={isCurrent(item)}>
                  {item.label}
                </AppLink>
              </li>
            ))}
          </ul>
        </nav>
        <main id="main" tabIndex={-1}>
          {children}
        </main>
        <footer className="site-footer">
          <p>{layout === "portal" ? t("app.footer", { clinic: clinic.name }) : t("app.footerConsole")}</p>
        </footer>
      </div>
      <TimeoutWarning />
    </StepUpProvider>
  );
}
