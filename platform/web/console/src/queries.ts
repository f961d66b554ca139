import { useQuery } from "@tanstack/react-query";
import { answer, useCloister } from "@cloister/ui";

export const PAGE_SIZE = 50;

export const chartHref = (patientId: string): string => `/patients/${encodeURIComponent(patientId)}`;

export function usePatient(patientId: string) {
  const { api } = useCloister();
  return useQuery({
    queryKey: ["patient", patientId],
    queryFn: () => answer(api.GET("/api/v1/patients/{patient_id}", { params: { path: { patient_id: patientId } } })),
  });
}

export function useStaff() {
  const { api } = useCloister();
  return useQuery({ queryKey: ["staff"], queryFn: () => answer(api.GET("/api/v1/staff")) });
}
