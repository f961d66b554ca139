import type { MessageId } from "@cloister/ui";

/** Roles that an administrator may give. */
export const STAFF_ROLES = ["clinician", "billing", "support", "admin"] as const;

const WORDS: Record<string, MessageId> = { clinician: "staff.clinician", billing: "staff.billing", support: "staff.support", admin: "staff.admin" };

/** A role in words; one that this console does not know is shown as it is. */
export function roleWords(role: string, t: (id: MessageId) => string): string {
  const id = WORDS[role];
  return id ? t(id) : role;
}
