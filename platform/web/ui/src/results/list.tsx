import { useDeferredValue, useMemo, useState } from "react";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Input, Label, SearchField } from "react-aria-components";
import type { ResultPage, ResultSummary } from "../api/types";
import { useMoments, type Moments } from "../format/moment";
import { searchable } from "../format/typed";
import { useText } from "../language/provider";
import { Button } from "../parts/button";
import { Checkbox } from "../parts/checkbox";
import { Empty, Loading, ProblemNotice } from "../parts/states";
import { AppLink } from "../shell/app-link";
import { InterpretationBadge } from "./badge";
import { categoryWords, isOutside, valueWithUnit } from "./words";

export interface DayGroup {
  key: string;
  day: string | null;
  results: ResultSummary[];
}

/** Neighbouring results of one day at the clinic, in the order the server sent them. */
export function groupByDay(results: readonly ResultSummary[], moments: Moments): DayGroup[] {
  const groups = new Map<string, DayGroup>();
  for (const result of results) {
    const key = result.effective_at ? moments.dayKey(result.effective_at) : "";
    const group = groups.get(key) ?? { key, day: result.effective_at ? moments.day(result.effective_at) : null, results: [] };
    group.results.push(result);
    groups.set(key, group);
  }
  return [...groups.values()];
}

interface ResultsListProps {
  queryKey: readonly string[];
  load: (cursor: string | null) => Promise<ResultPage>;
  hrefOf: (resultId: string) => string;
}

/** Results by day with a search of what is loaded, and the next page on request. */
export function ResultsList({ queryKey, load, hrefOf }: ResultsListProps) {
  const t = useText();
  const moments = useMoments();
  const [typed, setTyped] = useState("");
  const [onlyOutside, setOnlyOutside] = useState(false);
  const wanted = useDeferredValue(searchable(typed.trim()));
  const pages = useInfiniteQuery({
    queryKey,
    queryFn: ({ pageParam }) => load(pageParam),
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next_cursor ?? null,
  });
  const loaded = useMemo(() => pages.data?.pages.flatMap((page) => page.items) ?? [], [pages.data]);
  const shown = useMemo(
    () =>
      loaded.filter(
        (result) =>
          (!onlyOutside || isOutside(result.interpretation)) &&
          (wanted === "" || searchable(`${result.name} ${result.value_text} ${result.code ?? ""} ${result.category ? categoryWords(result.category, t) : ""}`).includes(wanted)),
      ),
    [loaded, onlyOutside, wanted, t],
  );
  const filtered = wanted !== "" || onlyOutside;

  if (pages.isPending) return <Loading />;
  if (pages.isError && loaded.length === 0) return <ProblemNotice failure={pages.error} retry={() => void pages.refetch()} />;
  if (loaded.length === 0) {
    return (
      <Empty title={t("results.emptyTitle")}>
        <p>{t("results.emptyText")}</p>
      </Empty>
    );
  }
  return (
    <>
      <div className="filters" role="search">
        <SearchField className="field filter-search" value={typed} onChange={setTyped}>
          <Label className="field-label">{t("results.search")}</Label>
          <Input className="input" />
          {pages.hasNextPage ? <p className="field-hint">{t("results.searchLoaded", { count: loaded.length })}</p> : null}
        </SearchField>
        <Checkbox id="only-outside" isSelected={onlyOutside} onChange={setOnlyOutside}>
          {t("results.onlyOutside")}
        </Checkbox>
      </div>
      <p role="status" className={filtered ? "filter-count" : "visually-hidden"}>
        {filtered ? t("results.shown", { count: shown.length }) : ""}
      </p>
      {shown.length === 0 ? (
        <Empty title={t("results.noMatchTitle")}>
          <p>{t("results.noMatchText")}</p>
          <Button
            kind="secondary"
            onPress={() => {
              setTyped("");
              setOnlyOutside(false);
            }}
          >
            {t("results.clear")}
          </Button>
        </Empty>
      ) : (
        groupByDay(shown, moments).map((group) => (
          <section key={group.key} className="day">
            <h2>{group.day ?? t("results.noDate")}</h2>
            <ul className="result-rows">
              {group.results.map((result) => (
                <li key={result.id}>
                  <AppLink to={hrefOf(result.id)} className="result-row">
                    <span className="result-name">
                      {result.name}
                      {result.category ? <small>{categoryWords(result.category, t)}</small> : null}
                    </span>
                    <span className="result-value">{valueWithUnit(result.value_text, result.unit)}</span>
                    <InterpretationBadge interpretation={result.interpretation} />
                  </AppLink>
                </li>
              ))}
            </ul>
          </section>
        ))
      )}
      {pages.isError ? <ProblemNotice failure={pages.error} /> : null}
      {pages.hasNextPage ? (
        <Button kind="secondary" busy={pages.isFetchingNextPage} onPress={() => void pages.fetchNextPage()}>
          {t(pages.isFetchingNextPage ? "results.loadingMore" : "results.loadMore")}
        </Button>
      ) : (
        <p className="quiet">{t("results.all")}</p>
      )}
    </>
  );
}
