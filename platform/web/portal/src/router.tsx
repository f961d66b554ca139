import { createRootRoute, createRoute, createRouter, Outlet } from "@tanstack/react-router";
import { Activation, Boot, Frame, NotFound, Sessions, SignIn, useText } from "@cloister/ui";
import { Home } from "./pages/home";
import { ResultPage } from "./pages/result";
import { Results } from "./pages/results";

type Ended = "signed_out" | "timed_out";

/** The portal's pages. The invitation's token is handed in, because it is out of the address before the router starts. */
export function createPortalRouter(invitationToken: string | null) {
  const root = createRootRoute({ component: Root, notFoundComponent: NotFound });
  const signIn = createRoute({
    getParentRoute: () => root,
    path: "/sign-in",
    validateSearch: (search): { ended?: Ended } => (search["ended"] === "signed_out" || search["ended"] === "timed_out" ? { ended: search["ended"] } : {}),
    component: function SignInRoute() {
      const { ended } = signIn.useSearch();
      return <SignIn ended={ended} onSignedIn={() => router.history.replace("/")} />;
    },
  });
  const activate = createRoute({
    getParentRoute: () => root,
    path: "/activate",
    component: () => <Activation token={invitationToken} onActivated={() => router.history.replace("/")} />,
  });
  const home = createRoute({ getParentRoute: () => root, path: "/", component: Home });
  const results = createRoute({ getParentRoute: () => root, path: "/results", component: Results });
  const result = createRoute({
    getParentRoute: () => root,
    path: "/results/$resultId",
    component: function ResultRoute() {
      const { resultId } = result.useParams();
      return <ResultPage key={resultId} resultId={resultId} />;
    },
  });
  const sessions = createRoute({ getParentRoute: () => root, path: "/sessions", component: Sessions });
  const router = createRouter({ routeTree: root.addChildren([signIn, activate, home, results, result, sessions]) });
  return router;
}

function Root() {
  return <Boot signedIn={<SignedIn />} visitor={<Outlet />} />;
}

function SignedIn() {
  const t = useText();
  return (
    <Frame
      layout="portal"
      navigation={[
        { to: "/", label: t("nav.home") },
        { to: "/results", label: t("nav.results") },
        { to: "/sessions", label: t("nav.security") },
      ]}
    >
      <Outlet />
    </Frame>
  );
}
