import type { ReactNode } from "react";
import { useRouterState } from "@tanstack/react-router";
import { Answered, AppLink, NotFound, Page, Problem, RecordFacts, useText, type PatientRecord } from "@cloister/ui";
import { chartHref, usePatient } from "../queries";

/** The head of a chart, and what stands below it. A chart off the panel looks like one that does not exist. */
export function Chart({ patientId, children }: { patientId: string; children: (record: PatientRecord) => ReactNode }) {
  const t = useText();
  const patient = usePatient(patientId);
  if (patient.error instanceof Problem && [400, 404].includes(patient.error.status)) return <NotFound />;
  return (
    <Answered query={patient}>
      {(record) => (
        <Page
          title={record.name}
          before={
            <AppLink to="/panel" className="back">
              {t("chart.backToPanel")}
            </AppLink>
          }
        >
          <RecordFacts record={record} />
          <p className="quiet chart-reference">
            {t("chart.reference")}: <code>{record.patient_id}</code>
          </p>
          <ChartTabs record={record} />
          {children(record)}
        </Page>
      )}
    </Answered>
  );
}

function ChartTabs({ record }: { record: PatientRecord }) {
  const t = useText();
  const path = useRouterState({ select: (state) => state.location.pathname });
  const base = chartHref(record.patient_id);
  return (
    <nav className="chart-tabs" aria-label={t("chart.tabs")}>
      <AppLink to={base} current={path === base}>
        {t("chart.results", { count: record.counts.results })}
      </AppLink>
      <AppLink to={`${base}/invitations`} current={path.endsWith("/invitations")}>
        {t("chart.invitations")}
      </AppLink>
    </nav>
  );
}
