import { useMemo, useState } from "react";
import { useIntl } from "react-intl";
import type { Result } from "../api/types";
import { toMillis, useMoments } from "../format/moment";
import { useText } from "../language/provider";
import { AppLink } from "../shell/app-link";
import { InterpretationBadge } from "./badge";
import { trendPoints } from "./scale";
import { TrendChart } from "./trend-chart";
import { readableUnit, valueWithUnit } from "./words";

/** All results of one test: drawn where they are numbers, and in a table in any case. */
export function Trend({ result, hrefOf }: { result: Result; hrefOf: (resultId: string) => string }) {
  const t = useText();
  const intl = useIntl();
  const moments = useMoments();
  const [highlighted, setHighlighted] = useState<string | null>(null);
  const { points, leftOut } = useMemo(() => trendPoints(result), [result]);
  const rows = useMemo(() => [...result.history].sort((a, b) => timeOf(b.effective_at) - timeOf(a.effective_at)), [result.history]);
  const write = (value: number) => intl.formatNumber(value, { maximumSignificantDigits: 6 });
  const values = points.map((point) => point.value);
  const unit = readableUnit(result.unit);
  const drawn = points.length >= 2;
  const summary = drawn
    ? t("trend.summary", {
        name: result.name,
        count: points.length,
        from: moments.shortDay(points[0]!.date),
        to: moments.shortDay(points.at(-1)!.date),
        lowest: write(Math.min(...values)),
        highest: write(Math.max(...values)),
        latest: write(points.at(-1)!.value),
        unit,
      })
    : "";
  return (
    <section className="trend" aria-labelledby="trend-title">
      <h2 id="trend-title">{t("trend.title")}</h2>
      <div className={drawn ? "trend-both" : ""}>
        {drawn ? (
          <div className="card">
            <TrendChart
              points={points}
              low={result.range?.low ?? null}
              high={result.range?.high ?? null}
              summary={summary}
              bandLabel={t("trend.band")}
              currentId={result.id}
              highlightedId={highlighted}
              writeValue={write}
              writeDate={(date) => moments.shortDay(date)}
            />
            {leftOut > 0 ? <p className="quiet">{unit ? t("trend.leftOut", { count: leftOut, unit }) : t("trend.leftOutPlain", { count: leftOut })}</p> : null}
          </div>
        ) : (
          <p className="quiet">{t("trend.tooFew")}</p>
        )}
        <table className="table">
          <caption className="visually-hidden">{t("trend.tableCaption")}</caption>
          <thead>
            <tr>
              <th scope="col">{t("trend.date")}</th>
              <th scope="col">{t("trend.value")}</th>
              <th scope="col">{t("trend.meaning")}</th>
            </tr>
          </thead>
          <tbody>
            {rows.map((entry) => {
              const date = entry.effective_at ? moments.shortDay(entry.effective_at) : t("results.noDate");
              return (
                <tr key={entry.id} className={entry.id === result.id ? "current" : ""} onPointerEnter={() => setHighlighted(entry.id)} onPointerLeave={() => setHighlighted(null)}>
                  <th scope="row">
                    {entry.id === result.id ? (
                      <>
                        {date} <small>{t("trend.thisResult")}</small>
                      </>
                    ) : (
                      <AppLink to={hrefOf(entry.id)} onFocusChange={(focused) => setHighlighted(focused ? entry.id : null)}>
                        {date}
                      </AppLink>
                    )}
                  </th>
                  <td>{valueWithUnit(entry.value_text, entry.unit)}</td>
                  <td>
                    <InterpretationBadge interpretation={entry.interpretation} />
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function timeOf(effectiveAt: string | null | undefined): number {
  return effectiveAt ? (toMillis(effectiveAt) ?? -Infinity) : -Infinity;
}
