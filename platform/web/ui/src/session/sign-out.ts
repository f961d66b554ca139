import { useCallback } from "react";
import { useLanguage } from "../language/provider";
import { useCloister } from "../shell/context";
import type { EndReason } from "./store";

/** Ends the session: at the server, and in this browser's memory whatever the server says. */
export function useSignOut(): (reason: EndReason) => void {
  const { api, session } = useCloister();
  const { remember } = useLanguage();
  return useCallback(
    (reason) => {
      if (!session.signedIn) return;
      const headers = { "X-CSRF-Token": session.csrfToken ?? "" };
      // The server's answer clears the browser's storage, and with it the choice of language.
      const settled = api.DELETE("/api/v1/session", { headers }).then(remember, remember);
      session.end(reason, settled);
    },
    [api, session, remember],
  );
}
