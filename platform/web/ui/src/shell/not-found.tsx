import { useText } from "../language/provider";
import { Page } from "../parts/page";
import { AppLink } from "./app-link";

export function NotFound() {
  const t = useText();
  return (
    <Page title={t("problem.notFound.title")}>
      <p className="lead">{t("problem.notFound.text")}</p>
      <p>
        <AppLink to="/">{t("problem.notFound.home")}</AppLink>
      </p>
    </Page>
  );
}
