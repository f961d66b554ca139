import { useQuery } from "@tanstack/react-query";
import { answer, Answered, AppLink, NotFound, Problem, RecordFacts, ResultView, useCloister, useText } from "@cloister/ui";
import { chartHref, usePatient } from "../queries";

/** One result in a chart. The patient's name and birth date stay in sight. */
export function ChartResult({ patientId, resultId }: { patientId: string; resultId: string }) {
  const t = useText();
  const { api } = useCloister();
  const patient = usePatient(patientId);
  const result = useQuery({
    queryKey: ["patient-result", patientId, resultId],
    queryFn: () => answer(api.GET("/api/v1/patients/{patient_id}/results/{result_id}", { params: { path: { patient_id: patientId, result_id: resultId } } })),
  });
  const missing = [patient.error, result.error].some((error) => error instanceof Problem && [400, 404].includes(error.status));
  if (missing) return <NotFound />;
  return (
    <Answered query={patient}>
      {(record) => (
        <Answered query={result}>
          {(found) => (
            <ResultView
              result={found}
              patientName={record.name}
              reassure={false}
              hrefOf={(id) => `${chartHref(patientId)}/results/${encodeURIComponent(id)}`}
              before={
                <>
                  <AppLink to={chartHref(patientId)} className="back">
                    {t("chart.backToChart", { name: record.name })}
                  </AppLink>
                  <RecordFacts record={record} />
                </>
              }
            />
          )}
        </Answered>
      )}
    </Answered>
  );
}
