import type { Problem } from "../api/problem";
import type { Translate } from "../language/provider";
import type { FormMessage } from "../parts/form-problems";

/** The codes by which the server says that a flow is forgotten, has used up its calls or stands at another step. */
const FLOW_CODES = ["flow.required", "flow.spent", "flow.wrong_step", "csrf.refused"];

/** Whether a sign-in or an activation can only be begun anew. */
export function flowIsOver(problem: Problem): boolean {
  return FLOW_CODES.includes(problem.code);
}

/** An activation begins anew with the link in the email, because its token is in nobody's keeping but the email's. */
export function activationOver(t: Translate, clinic: string): FormMessage[] {
  return [{ field: null, text: t("signIn.expired"), hint: t("activate.noTokenText", { clinic }) }];
}
