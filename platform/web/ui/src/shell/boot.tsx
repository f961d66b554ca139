import { useEffect, type ReactNode } from "react";
import { useQuery } from "@tanstack/react-query";
import { useRouter, useRouterState } from "@tanstack/react-router";
import { answer } from "../api/client";
import { Problem } from "../api/problem";
import type { Clinic } from "../api/types";
import { applyClinicColors } from "../clinic/colors";
import { ClinicProvider } from "../clinic/context";
import { useLanguage, useText } from "../language/provider";
import { Loading, Notice, ProblemNotice } from "../parts/states";
import { useCloister, useSession, useSessionEnd } from "./context";
import { VisitorPage } from "./visitor-page";

const VISITOR_PATHS = ["/sign-in", "/activate"];
const SIGN_IN = "/sign-in";

/** Reads the session, then the clinic. A visitor elsewhere than on a visitor's page is sent to sign in before a second anonymous call is spent. */
async function boot(cloister: ReturnType<typeof useCloister>, visitorPath: boolean): Promise<Clinic | "to_sign_in"> {
  try {
    cloister.session.accept(await answer(cloister.api.GET("/api/v1/session")));
  } catch (failure) {
    if (failure instanceof Problem && failure.status === 429 && !visitorPath) return "to_sign_in";
    throw failure;
  }
  if (!cloister.session.signedIn && !visitorPath) return "to_sign_in";
  return answer(cloister.api.GET("/api/v1/clinic"));
}

/** Decides what a tab may show: nothing before the session is known, nothing after it has ended. */
export function Boot({ signedIn, visitor }: { signedIn: ReactNode; visitor: ReactNode }) {
  const cloister = useCloister();
  const router = useRouter();
  const { suggest } = useLanguage();
  const { state } = useSession();
  const end = useSessionEnd();
  const path = useRouterState({ select: (router) => router.location.pathname });
  const visitorPath = VISITOR_PATHS.includes(path);
  const started = useQuery({ queryKey: ["boot"], queryFn: () => boot(cloister, visitorPath), staleTime: Infinity, gcTime: Infinity, enabled: end === null });
  const clinic = started.data;
  const leaving = end !== null || clinic === "to_sign_in" || (clinic !== undefined && !visitorPath && state !== "signed_in");

  useEffect(() => {
    if (end) void end.settled.then(() => window.location.replace(`${SIGN_IN}?ended=${end.reason}`));
    else if (leaving) window.location.replace(SIGN_IN);
  }, [end, leaving]);
  useEffect(() => {
    if (clinic === undefined || clinic === "to_sign_in") return;
    applyClinicColors(clinic.colors);
    suggest(clinic.default_locale);
  }, [clinic, suggest]);
  const toStart = !leaving && visitorPath && state === "signed_in";
  useEffect(() => {
    if (toStart) router.history.replace("/");
  }, [toStart, router]);

  if (leaving || toStart) return null;
  if (started.isError) {
    return (
      <main className="boot-problem">
        <ProblemNotice wholePage failure={started.error} retry={() => void started.refetch()} />
      </main>
    );
  }
  if (clinic === undefined) return <Loading />;
  return <ClinicProvider value={clinic}>{!visitorPath ? signedIn : state === "flow" ? visitor : <NoFlow />}</ClinicProvider>;
}

/** The server opens the flow with the page itself; without it the browser did not keep the cookie. */
function NoFlow() {
  const t = useText();
  return (
    <VisitorPage>
      <Notice tone="caution" title={t("problem.cookies.title")}>
        <p>{t("problem.cookies.text")}</p>
        <p>
          <a href={SIGN_IN}>{t("app.tryAgain")}</a>
        </p>
      </Notice>
    </VisitorPage>
  );
}
