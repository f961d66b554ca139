import { useDeferredValue, useMemo, useState } from "react";
import { useInfiniteQuery } from "@tanstack/react-query";
import { answer, AppLink, Button, Empty, Field, Loading, Page, ProblemNotice, searchable, useCloister, useMoments, useText, type MessageId, type PanelMember } from "@cloister/ui";
import { chartHref, PAGE_SIZE } from "../queries";
import { sexWords } from "./sex-words";

const SOURCES: Record<PanelMember["sources"][number], MessageId> = { care_team: "panel.careTeam", encounter: "panel.encounter", assigned: "panel.assigned" };

/** The clinician's patients, page by page, with a search in what is loaded. */
export function Panel() {
  const t = useText();
  const { api } = useCloister();
  const [typed, setTyped] = useState("");
  const wanted = useDeferredValue(searchable(typed.trim()));
  const pages = useInfiniteQuery({
    queryKey: ["panel"],
    queryFn: ({ pageParam }) => answer(api.GET("/api/v1/panel", { params: { query: { limit: PAGE_SIZE, ...(pageParam === null ? {} : { cursor: pageParam }) } } })),
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next_cursor ?? null,
  });
  const loaded = useMemo(() => pages.data?.pages.flatMap((page) => page.items) ?? [], [pages.data]);
  const shown = useMemo(() => loaded.filter((member) => searchable(member.name).includes(wanted)), [loaded, wanted]);
  return (
    <Page title={t("panel.title")}>
      <p className="lead">{t("panel.lead")}</p>
      {pages.isPending ? <Loading /> : null}
      {pages.isError ? <ProblemNotice failure={pages.error} retry={() => void pages.refetch()} /> : null}
      {pages.isSuccess && loaded.length === 0 ? (
        <Empty title={t("panel.emptyTitle")}>
          <p>{t("panel.emptyText")}</p>
        </Empty>
      ) : null}
      {loaded.length > 0 ? (
        <>
          <div className="panel-search" role="search">
            <Field id="panel-search" type="search" label={t("panel.search")} hint={pages.hasNextPage ? t("panel.searchLoaded", { count: loaded.length }) : undefined} value={typed} onChange={setTyped} />
          </div>
          <p role="status" className={wanted === "" ? "visually-hidden" : "quiet"}>
            {wanted === "" ? "" : t("panel.shown", { count: shown.length })}
          </p>
          <PanelTable members={shown} />
        </>
      ) : null}
      {pages.hasNextPage ? (
        <Button kind="secondary" busy={pages.isFetchingNextPage} onPress={() => void pages.fetchNextPage()}>
          {t("panel.more")}
        </Button>
      ) : null}
    </Page>
  );
}

function PanelTable({ members }: { members: PanelMember[] }) {
  const t = useText();
  const moments = useMoments();
  return (
    <table className="table panel-table table-wrap">
      <caption className="visually-hidden">{t("panel.caption")}</caption>
      <thead>
        <tr>
          <th scope="col">{t("panel.patient")}</th>
          <th scope="col">{t("panel.born")}</th>
          <th scope="col">{t("panel.sex")}</th>
          <th scope="col">{t("panel.source")}</th>
        </tr>
      </thead>
      <tbody>
        {members.map((member) => (
          <tr key={member.patient_id}>
            <th scope="row">
              <AppLink to={chartHref(member.patient_id)}>{member.name}</AppLink> {member.deceased ? <span className="tag">{t("record.deceased")}</span> : null}
            </th>
            <td>{member.birth_date ? moments.shortDay(member.birth_date) : null}</td>
            <td>{t(sexWords(member.sex))}</td>
            <td className="quiet">{member.sources.map((source) => t(SOURCES[source])).join(", ")}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
