/** Names for the shapes of the API, taken from the operations so that a renamed schema changes nothing here. */
import type { paths } from "./schema";

type Method = "get" | "post" | "put" | "delete";
type Answer<P extends keyof paths, M extends Method, S extends number> = paths[P][M] extends {
  responses: { [K in S]: { content: infer C } };
}
  ? C[keyof C]
  : never;

export type Clinic = Answer<"/api/v1/clinic", "get", 200>;
export type Session = Answer<"/api/v1/session", "get", 200>;
export type SessionUser = NonNullable<Session["user"]>;
export type SessionEntry = Answer<"/api/v1/sessions", "get", 200>["items"][number];
export type PatientRecord = Answer<"/api/v1/record", "get", 200>;
export type ResultPage = Answer<"/api/v1/record/results", "get", 200>;
export type ResultSummary = ResultPage["items"][number];
export type Result = Answer<"/api/v1/record/results/{result_id}", "get", 200>;
export type HistoryEntry = Result["history"][number];
export type Interpretation = ResultSummary["interpretation"];
export type PanelPage = Answer<"/api/v1/panel", "get", 200>;
export type PanelMember = PanelPage["items"][number];
export type Invitation = Answer<"/api/v1/patients/{patient_id}/invitations", "get", 200>["items"][number];
export type InvitationCreated = Answer<"/api/v1/patients/{patient_id}/invitations", "post", 201>;
export type StaffMember = Answer<"/api/v1/staff", "get", 200>["items"][number];
export type StaffInvitation = Answer<"/api/v1/staff-invitations", "get", 200>["items"][number];
export type MachineClient = Answer<"/api/v1/machine-clients", "get", 200>["items"][number];
export type QuarantineEntry = Answer<"/api/v1/quarantine", "get", 200>["items"][number];
export type ActivationIdentity = Answer<"/api/v1/activation/identity", "post", 200>;
export type TotpEnrolment = Answer<"/api/v1/activation/totp", "post", 200>;
export type ActivationDone = Answer<"/api/v1/activation/totp/confirm", "post", 200>;
