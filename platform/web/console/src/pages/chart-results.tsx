import { answer, ResultsList, useCloister } from "@cloister/ui";
import { chartHref, PAGE_SIZE } from "../queries";
import { Chart } from "./chart";

export function ChartResults({ patientId }: { patientId: string }) {
  const { api } = useCloister();
  return (
    <Chart patientId={patientId}>
      {() => (
        <ResultsList
          queryKey={["patient-results", patientId]}
          load={(cursor) =>
            answer(
              api.GET("/api/v1/patients/{patient_id}/results", {
                params: { path: { patient_id: patientId }, query: { limit: PAGE_SIZE, ...(cursor === null ? {} : { cursor }) } },
              }),
            )
          }
          hrefOf={(resultId) => `${chartHref(patientId)}/results/${encodeURIComponent(resultId)}`}
        />
      )}
    </Chart>
  );
}
