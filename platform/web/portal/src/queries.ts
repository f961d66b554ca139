import { useQuery } from "@tanstack/react-query";
import { answer, useCloister } from "@cloister/ui";

export const PAGE_SIZE = 50;

/** The signed-in patient's own record. */
export function useRecord() {
  const { api } = useCloister();
  return useQuery({ queryKey: ["record"], queryFn: () => answer(api.GET("/api/v1/record")) });
}

export function useResult(resultId: string) {
  const { api } = useCloister();
  return useQuery({
    queryKey: ["result", resultId],
    queryFn: () => answer(api.GET("/api/v1/record/results/{result_id}", { params: { path: { result_id: resultId } } })),
  });
}

export const resultHref = (resultId: string): string => `/results/${encodeURIComponent(resultId)}`;
