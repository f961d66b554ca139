import { Problem } from "../api/problem";
import type { MessageId } from "../language/catalogue";
import type { Translate } from "../language/provider";

type Kind =
  "offline" | "unavailable" | "tooMany" | "notFound" | "forbidden" | "conflict" | "invalid" | "signedOut" | "unexpected" | "notOpen" | "suspended";

/** Refusals that say something of the clinic and nothing of the person who reads them. */
const BY_CODE: Record<string, Kind> = { "tenant.not_open": "notOpen", "tenant.suspended": "suspended" };

const BY_STATUS: Record<number, Kind> = {
  0: "offline",
  400: "invalid",
  401: "signedOut",
  403: "forbidden",
  404: "notFound",
  409: "conflict",
  413: "invalid",
  415: "invalid",
  421: "notFound",
  422: "invalid",
  429: "tooMany",
  502: "unavailable",
  503: "unavailable",
  504: "unavailable",
};

/** A problem in plain words, with the time to wait where the server named one. */
export function describeProblem(problem: Problem, t: Translate): { title: string; text: string } {
  const kind = BY_CODE[problem.code] ?? BY_STATUS[problem.status] ?? "unexpected";
  const text = kind === "tooMany" ? waiting(problem.retryAfter, t) : t(`problem.${kind}.text` satisfies MessageId);
  return { title: t(`problem.${kind}.title` satisfies MessageId), text };
}

function waiting(seconds: number | null, t: Translate): string {
  if (seconds === null) return t("problem.tooMany.text");
  if (seconds < 60) return t("problem.tooMany.waitSeconds", { seconds: Math.max(1, seconds) });
  return t("problem.tooMany.wait", { minutes: Math.ceil(seconds / 60) });
}
