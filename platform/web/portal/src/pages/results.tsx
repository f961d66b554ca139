import { answer, Page, ResultsList, useCloister, useText } from "@cloister/ui";
import { PAGE_SIZE, resultHref } from "../queries";

export function Results() {
  const t = useText();
  const { api } = useCloister();
  return (
    <Page title={t("results.title")}>
      <ResultsList
        queryKey={["results"]}
        load={(cursor) => answer(api.GET("/api/v1/record/results", { params: { query: { limit: PAGE_SIZE, ...(cursor === null ? {} : { cursor }) } } }))}
        hrefOf={resultHref}
      />
    </Page>
  );
}
