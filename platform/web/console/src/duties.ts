import type { MessageId, SessionUser } from "@cloister/ui";

interface Duty {
  to: string;
  label: MessageId;
  also?: string[];
  /** Roles for which the page is worth showing. The server decides each request all the same. */
  roles: string[];
}

const DUTIES: Duty[] = [
  { to: "/panel", label: "nav.panel", also: ["/patients"], roles: ["clinician"] },
  { to: "/quarantine", label: "nav.quarantine", roles: ["clinician"] },
  { to: "/staff", label: "nav.staff", roles: ["admin"] },
  { to: "/machine-clients", label: "nav.machineClients", roles: ["admin"] },
];

/** The pages a person's roles lead to, the first of which is the start page. */
export function dutiesOf(user: SessionUser | null | undefined): Duty[] {
  const roles = user?.roles ?? [];
  return DUTIES.filter((duty) => duty.roles.some((role) => roles.includes(role)));
}
