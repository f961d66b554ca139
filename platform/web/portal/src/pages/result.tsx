import { Answered, AppLink, NotFound, Problem, ResultView, useSession, useText } from "@cloister/ui";
import { resultHref, useResult } from "../queries";

export function ResultPage({ resultId }: { resultId: string }) {
  const t = useText();
  const { user } = useSession();
  const result = useResult(resultId);
  if (result.error instanceof Problem && [400, 404].includes(result.error.status)) return <NotFound />;
  return (
    <Answered query={result}>
      {(found) => (
        <ResultView
          key={found.id}
          result={found}
          patientName={user?.display_name ?? ""}
          reassure
          hrefOf={resultHref}
          before={
            <AppLink to="/results" className="back">
              {t("result.backToList")}
            </AppLink>
          }
        />
      )}
    </Answered>
  );
}
