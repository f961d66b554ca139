import { useState } from "react";
import { useQuery } from "@tanstack/react-query";
import { answer } from "../api/client";
import type { SessionEntry } from "../api/types";
import { deviceOf } from "../format/device";
import { useMoments } from "../format/moment";
import { useText } from "../language/provider";
import { Button } from "../parts/button";
import { Page } from "../parts/page";
import { Answered, Notice, ProblemNotice } from "../parts/states";
import { StepUpCancelled, useStepUp } from "../session/step-up";
import { useCloister, useSession } from "../shell/context";

/** The account's open sessions, each of which can be ended, and all the others at once. */
export function Sessions() {
  const t = useText();
  const moments = useMoments();
  const { api, queries } = useCloister();
  const { last_sign_in_at: lastSignIn } = useSession();
  const withStepUp = useStepUp();
  const [done, setDone] = useState<"sessions.revoked" | "sessions.revokedOthers" | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  const [busy, setBusy] = useState<string | null>(null);
  const sessions = useQuery({ queryKey: ["sessions"], queryFn: () => answer(api.GET("/api/v1/sessions")), staleTime: 0 });

  const revoke = async (id: string | null) => {
    setBusy(id ?? "others");
    setFailure(null);
    setDone(null);
    try {
      await withStepUp(() => answer(id === null ? api.DELETE("/api/v1/sessions") : api.DELETE("/api/v1/sessions/{id}", { params: { path: { id } } })));
      await queries.invalidateQueries({ queryKey: ["sessions"] });
      setDone(id === null ? "sessions.revokedOthers" : "sessions.revoked");
    } catch (reason) {
      if (!(reason instanceof StepUpCancelled)) setFailure(reason);
    } finally {
      setBusy(null);
    }
  };

  return (
    <Page title={t("sessions.title")}>
      <p className="lead">{t("sessions.intro")}</p>
      {lastSignIn ? <p>{t("sessions.lastSignIn", { when: moments.instant(lastSignIn) })}</p> : null}
      <div role="status">{done ? <Notice tone="good">{t(done)}</Notice> : null}</div>
      {failure ? <ProblemNotice failure={failure} /> : null}
      <Answered query={sessions}>
        {({ items }) => (
          <>
            <ul className="cards">
              {[...items].sort((a, b) => Number(b.current) - Number(a.current)).map((entry) => (
                <SessionCard key={entry.id} entry={entry} busy={busy === entry.id} onRevoke={() => void revoke(entry.id)} />
              ))}
            </ul>
            {items.some((entry) => !entry.current) ? (
              <Button kind="danger" busy={busy === "others"} onPress={() => void revoke(null)}>
                {t("sessions.revokeOthers")}
              </Button>
            ) : (
              <p>{t("sessions.onlyThis")}</p>
            )}
          </>
        )}
      </Answered>
    </Page>
  );
}

function SessionCard({ entry, busy, onRevoke }: { entry: SessionEntry; busy: boolean; onRevoke: () => void }) {
  const t = useText();
  const moments = useMoments();
  const known = deviceOf(entry.user_agent);
  const device = known ? t("sessions.deviceOn", known) : t("sessions.unknownDevice");
  const started = moments.instant(entry.started_at);
  return (
    <li className="card session-card">
      <div>
        <h2>{device}</h2>
        {entry.current ? <p className="tag">{t("sessions.current")}</p> : null}
        <p>{t("sessions.lastSeen", { when: moments.instant(entry.last_seen_at) })}</p>
        <p className="quiet">{t("sessions.started", { when: started })}</p>
        <p className="quiet">{t("sessions.from", { source: entry.source })}</p>
      </div>
      {entry.current ? null : (
        <Button kind="secondary" busy={busy} onPress={onRevoke} aria-label={t("sessions.revokeLabel", { device, when: started })}>
          {t("sessions.revoke")}
        </Button>
      )}
    </li>
  );
}
