import { useState } from "react";
import { useQuery } from "@tanstack/react-query";
import { answer, Answered, Button, Empty, Notice, Page, useCloister, useMoments, useText, type MessageId, type QuarantineEntry } from "@cloister/ui";
import { Confirmation } from "./confirmation";

type Decision = "keep_current" | "accept_incoming";
const FIELDS: Record<string, MessageId> = { name: "quarantine.name", birth_date: "quarantine.birthDate", sex: "quarantine.sex", gender: "quarantine.sex", identifier: "quarantine.identifier" };

/** Clashes between what a record system sent and what is on record, for a person to decide. */
export function Quarantine() {
  const t = useText();
  const { api, queries } = useCloister();
  const [deciding, setDeciding] = useState<{ entry: QuarantineEntry; decision: Decision } | null>(null);
  const [decided, setDecided] = useState(false);
  const entries = useQuery({ queryKey: ["quarantine"], queryFn: () => answer(api.GET("/api/v1/quarantine")) });
  const keep = deciding?.decision === "keep_current";
  return (
    <Page title={t("quarantine.title")}>
      <p className="lead">{t("quarantine.lead")}</p>
      <div role="status">{decided ? <Notice tone="good">{t("quarantine.decided")}</Notice> : null}</div>
      <Answered query={entries}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty title={t("quarantine.emptyTitle")}>
              <p>{t("quarantine.emptyText")}</p>
            </Empty>
          ) : (
            <ul className="cards">
              {items.map((entry) => (
                <QuarantineCard key={entry.id} entry={entry} onDecide={(decision) => setDeciding({ entry, decision })} />
              ))}
            </ul>
          )
        }
      </Answered>
      {deciding ? (
        <Confirmation
          title={t(keep ? "quarantine.keepTitle" : "quarantine.acceptTitle")}
          text={t(keep ? "quarantine.keepText" : "quarantine.acceptText", { name: deciding.entry.name ?? t("quarantine.unnamed") })}
          confirm={t(keep ? "quarantine.keep" : "quarantine.accept")}
          danger={!keep}
          action={() => answer(api.POST("/api/v1/quarantine/{id}/decision", { params: { path: { id: deciding.entry.id } }, body: { decision: deciding.decision } }))}
          onClose={(done) => {
            setDeciding(null);
            setDecided(done);
            if (done) void queries.invalidateQueries();
          }}
        />
      ) : null}
    </Page>
  );
}

function QuarantineCard({ entry, onDecide }: { entry: QuarantineEntry; onDecide: (decision: Decision) => void }) {
  const t = useText();
  const moments = useMoments();
  const when = moments.instant(entry.received_at);
  const show = (field: string, value: string | null | undefined) => (value ? (field === "birth_date" ? moments.day(value) : value) : t("quarantine.nothing"));
  return (
    <li className="card">
      <h2>{entry.name ?? t("quarantine.unnamed")}</h2>
      <p className="quiet">{entry.source ? t("quarantine.receivedFrom", { when, source: entry.source }) : t("quarantine.received", { when })}</p>
      <table className="table table-wrap">
        <caption className="visually-hidden">{t("quarantine.caption")}</caption>
        <thead>
          <tr>
            <th scope="col">{t("quarantine.field")}</th>
            <th scope="col">{t("quarantine.current")}</th>
            <th scope="col">{t("quarantine.incoming")}</th>
          </tr>
        </thead>
        <tbody>
          {entry.differences.map(({ field, current, incoming }) => (
            <tr key={field}>
              <th scope="row">{FIELDS[field] ? t(FIELDS[field]) : field}</th>
              <td>{show(field, current)}</td>
              <td>
                <strong>{show(field, incoming)}</strong>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <div className="button-row quarantine-actions">
        <Button onPress={() => onDecide("keep_current")}>{t("quarantine.keep")}</Button>
        <Button kind="secondary" onPress={() => onDecide("accept_incoming")}>
          {t("quarantine.accept")}
        </Button>
      </div>
    </li>
  );
}
