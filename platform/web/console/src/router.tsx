import { createRootRoute, createRoute, createRouter, Outlet } from "@tanstack/react-router";
import { Activation, Boot, Frame, NotFound, Sessions, SignIn, useSession, useText } from "@cloister/ui";
import { dutiesOf } from "./duties";
import { ChartInvitations } from "./pages/chart-invitations";
import { ChartResult } from "./pages/chart-result";
import { ChartResults } from "./pages/chart-results";
import { MachineClients } from "./pages/machine-clients";
import { Panel } from "./pages/panel";
import { Quarantine } from "./pages/quarantine";
import { Staff } from "./pages/staff";
import { Start } from "./pages/start";

type Ended = "signed_out" | "timed_out";

/** The console's pages. The invitation's token is handed in, because it is out of the address before the router starts. */
export function createConsoleRouter(invitationToken: string | null) {
  const root = createRootRoute({ component: Root, notFoundComponent: NotFound });
  const toStart = () => router.history.replace("/");
  const signIn = createRoute({
    getParentRoute: () => root,
    path: "/sign-in",
    validateSearch: (search): { ended?: Ended } => (search["ended"] === "signed_out" || search["ended"] === "timed_out" ? { ended: search["ended"] } : {}),
    component: function SignInRoute() {
      return <SignIn ended={signIn.useSearch().ended} onSignedIn={toStart} />;
    },
  });
  const activate = createRoute({ getParentRoute: () => root, path: "/activate", component: () => <Activation token={invitationToken} onActivated={toStart} /> });
  const start = createRoute({ getParentRoute: () => root, path: "/", component: Start });
  const panel = createRoute({ getParentRoute: () => root, path: "/panel", component: Panel });
  const chart = createRoute({
    getParentRoute: () => root,
    path: "/patients/$patientId",
    component: function ChartRoute() {
      return <ChartResults {...chart.useParams()} />;
    },
  });
  const chartResult = createRoute({
    getParentRoute: () => root,
    path: "/patients/$patientId/results/$resultId",
    component: function ChartResultRoute() {
      const params = chartResult.useParams();
      return <ChartResult key={params.resultId} {...params} />;
    },
  });
  const chartInvitations = createRoute({
    getParentRoute: () => root,
    path: "/patients/$patientId/invitations",
    component: function ChartInvitationsRoute() {
      return <ChartInvitations {...chartInvitations.useParams()} />;
    },
  });
  const staff = createRoute({ getParentRoute: () => root, path: "/staff", component: Staff });
  const machineClients = createRoute({ getParentRoute: () => root, path: "/machine-clients", component: MachineClients });
  const quarantine = createRoute({ getParentRoute: () => root, path: "/quarantine", component: Quarantine });
  const sessions = createRoute({ getParentRoute: () => root, path: "/sessions", component: Sessions });
  const router = createRouter({
    routeTree: root.addChildren([signIn, activate, start, panel, chart, chartResult, chartInvitations, staff, machineClients, quarantine, sessions]),
  });
  return router;
}

function Root() {
  return <Boot signedIn={<SignedIn />} visitor={<Outlet />} />;
}

function SignedIn() {
  const t = useText();
  const { user } = useSession();
  const duties = dutiesOf(user).map(({ to, label, also = [] }) => ({ to, label: t(label), also }));
  return (
    <Frame layout="console" navigation={[...duties, { to: "/sessions", label: t("nav.security") }]}>
      <Outlet />
    </Frame>
  );
}
