import { useEffect } from "react";
import { useRouter } from "@tanstack/react-router";
import { Page, useSession, useText } from "@cloister/ui";
import { dutiesOf } from "../duties";

/** Leads to the first page of a person's duties. */
export function Start() {
  const t = useText();
  const router = useRouter();
  const { user } = useSession();
  const first = dutiesOf(user)[0]?.to;
  useEffect(() => {
    if (first) router.history.replace(first);
  }, [first, router]);
  if (first) return null;
  return (
    <Page title={t("start.title", { name: user?.display_name ?? "" })}>
      <p className="lead">{t("start.text")}</p>
    </Page>
  );
}
