import { useQuery } from "@tanstack/react-query";
import { answer, Answered, AppLink, InterpretationBadge, Page, RecordFacts, useCloister, useMoments, useSession, useText, valueWithUnit } from "@cloister/ui";
import { resultHref, useRecord } from "../queries";

const LATEST = 4;

export function Home() {
  const t = useText();
  const moments = useMoments();
  const { user, last_sign_in_at: lastSignIn } = useSession();
  const record = useRecord();
  return (
    <Page title={t("home.greeting", { name: user?.display_name ?? "" })}>
      {lastSignIn ? <p className="lead">{t("home.lastSignIn", { when: moments.instant(lastSignIn) })}</p> : null}
      <div className="home">
        <section className="home-results">
          <h2>{t("home.latest")}</h2>
          <Answered query={record}>{({ counts }) => (counts.results === 0 ? <p>{t("home.noResults")}</p> : <LatestResults count={counts.results} />)}</Answered>
        </section>
        <div className="home-side">
          <section className="card">
            <h2>{t("home.record")}</h2>
            <Answered query={record}>
              {(own) => (
                <>
                  <p className="home-name">{own.name}</p>
                  <RecordFacts record={own} />
                </>
              )}
            </Answered>
            <p className="quiet">{t("home.recordText")}</p>
          </section>
          <section className="card">
            <h2>{t("home.security")}</h2>
            <p className="quiet">{t("home.securityText")}</p>
            <p>
              <AppLink to="/sessions">{t("sessions.title")}</AppLink>
            </p>
          </section>
        </div>
      </div>
      <p className="quiet">{t("home.urgent")}</p>
    </Page>
  );
}

function LatestResults({ count }: { count: number }) {
  const t = useText();
  const moments = useMoments();
  const { api } = useCloister();
  const latest = useQuery({
    queryKey: ["latest-results"],
    queryFn: () => answer(api.GET("/api/v1/record/results", { params: { query: { limit: LATEST } } })),
  });
  return (
    <Answered query={latest}>
      {({ items }) => (
        <>
          <ul className="result-rows">
            {items.map((result) => (
              <li key={result.id}>
                <AppLink to={resultHref(result.id)} className="result-row">
                  <span className="result-name">
                    {result.name}
                    <small>{result.effective_at ? moments.day(result.effective_at) : t("results.noDate")}</small>
                  </span>
                  <span className="result-value">{valueWithUnit(result.value_text, result.unit)}</span>
                  <InterpretationBadge interpretation={result.interpretation} />
                </AppLink>
              </li>
            ))}
          </ul>
          <p>
            <AppLink to="/results" className="button button-secondary">
              {t("home.allResults", { count })}
            </AppLink>
          </p>
        </>
      )}
    </Answered>
  );
}
