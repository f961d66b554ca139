import { useEffect, useState } from "react";
import { answer } from "../api/client";
import { useText, type Translate } from "../language/provider";
import { Button } from "../parts/button";
import { Dialog } from "../parts/dialog";
import { useCloister, useSession } from "../shell/context";
import { useSignOut } from "./sign-out";

/** The warning comes this long before an idle session ends, and before the end of the longest session. */
const WARN_IDLE = 2 * 60_000;
const WARN_ABSOLUTE = 5 * 60_000;

type Cause = "idle" | "absolute";
interface Ending {
  cause: Cause;
  left: number;
}

/** Which end is near, if any. The absolute end is told when it comes first, because it cannot be put off. */
export function nearEnd(remaining: { idle: number; absolute: number }): Ending | null {
  if (remaining.absolute <= WARN_ABSOLUTE && remaining.absolute <= remaining.idle) return { cause: "absolute", left: remaining.absolute };
  return remaining.idle <= WARN_IDLE ? { cause: "idle", left: remaining.idle } : null;
}

/** Whole minutes until the last one, then seconds. */
export function timeLeft(milliseconds: number, t: Translate): string {
  const seconds = Math.max(0, Math.ceil(milliseconds / 1000));
  return seconds > 60 ? t("timeout.minutes", { minutes: Math.ceil(seconds / 60) }) : t("timeout.seconds", { seconds });
}

/** Warns before the session ends, lets the person stay, and ends it in memory when its time is over. */
export function TimeoutWarning() {
  const t = useText();
  const { api, session } = useCloister();
  const signOut = useSignOut();
  const { state } = useSession();
  const [ending, setEnding] = useState<Ending | null>(null);
  const [understood, setUnderstood] = useState(false);
  const [busy, setBusy] = useState(false);

  useEffect(() => {
    if (state !== "signed_in") return;
    const look = () => {
      const remaining = session.remaining();
      if (!remaining) return;
      if (Math.min(remaining.idle, remaining.absolute) <= 0) signOut("timed_out");
      else setEnding(nearEnd(remaining));
    };
    look();
    const timer = window.setInterval(look, 1000);
    document.addEventListener("visibilitychange", look);
    return () => {
      window.clearInterval(timer);
      document.removeEventListener("visibilitychange", look);
    };
  }, [state, session, signOut]);

  const stay = async () => {
    setBusy(true);
    try {
      session.accept(await answer(api.POST("/api/v1/session/keep-alive")));
      setEnding(null);
    } catch {
      // The countdown goes on; a session that is already gone has ended in the client.
    } finally {
      setBusy(false);
    }
  };

  const isOpen = ending !== null && !(ending.cause === "absolute" && understood);
  if (!ending || !isOpen || state !== "signed_in") return null;
  const left = timeLeft(ending.left, t);
  return (
    <Dialog title={t("timeout.title")} isOpen role="alertdialog">
      <p aria-hidden="true">{t(ending.cause === "idle" ? "timeout.idle" : "timeout.absolute", { left })}</p>
      <p className="visually-hidden" role="status">
        {t(ending.cause === "idle" ? "timeout.idle" : "timeout.absolute", { left: timeLeft(announced(ending.left), t) })}
      </p>
      <div className="button-row">
        {ending.cause === "idle" ? (
          <Button busy={busy} onPress={() => void stay()} autoFocus>
            {t("timeout.stay")}
          </Button>
        ) : (
          <Button onPress={() => setUnderstood(true)} autoFocus>
            {t("timeout.understood")}
          </Button>
        )}
        <Button kind="quiet" onPress={() => signOut("signed_out")}>
          {t("app.signOut")}
        </Button>
      </div>
    </Dialog>
  );
}

/** Screen readers hear each minute, then every twenty seconds, not every second. */
function announced(milliseconds: number): number {
  const step = milliseconds > 60_000 ? 60_000 : 20_000;
  return Math.ceil(milliseconds / step) * step;
}
