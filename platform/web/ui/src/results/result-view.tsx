import type { ReactNode } from "react";
import { useIntl } from "react-intl";
import type { Result } from "../api/types";
import { useClinic } from "../clinic/context";
import { useMoments } from "../format/moment";
import { useText } from "../language/provider";
import { Button } from "../parts/button";
import { Page } from "../parts/page";
import { InterpretationBadge } from "./badge";
import { RangeGauge } from "./gauge";
import { Trend } from "./trend";
import { categoryWords, INTERPRETATION, isOutside, rangeWords, readableUnit, statusWords, valueWithUnit } from "./words";

interface ResultViewProps {
  result: Result;
  /** Whose result it is, for the printed page. */
  patientName: string;
  before: ReactNode;
  hrefOf: (resultId: string) => string;
  /** Patients are told that being outside a range may mean nothing; clinicians know. */
  reassure: boolean;
}

/** One result: its value, what the range says of it in words, and how it has changed. */
export function ResultView({ result, patientName, before, hrefOf, reassure }: ResultViewProps) {
  const t = useText();
  const moments = useMoments();
  const clinic = useClinic();
  const intl = useIntl();
  const write = (value: number) => intl.formatNumber(value, { maximumSignificantDigits: 6 });
  const range = rangeWords(result, t, write);
  const { sentence, tone } = INTERPRETATION[result.interpretation];
  const withdrawn = result.status === "entered-in-error";
  return (
    <Page
      title={result.name}
      eyebrow={result.category ? categoryWords(result.category, t) : undefined}
      before={before}
      actions={
        <Button kind="secondary" onPress={() => window.print()}>
          {t("app.print")}
        </Button>
      }
    >
      <p className="print-only">
        {patientName} · {clinic.name}
      </p>
      <div className={`result-main result-${tone}`}>
        <div className="result-reading">
          <p className={withdrawn ? "result-number withdrawn" : "result-number"}>
            {result.value_text}
            {valueWithUnit(result.value_text, result.unit) === result.value_text ? null : <small> {readableUnit(result.unit)}</small>}
          </p>
          <InterpretationBadge interpretation={result.interpretation} />
          <p className="result-sentence">{t(sentence)}</p>
          {range ? (
            <p>
              {t("result.range")}: <strong>{range}</strong>
            </p>
          ) : null}
        </div>
        {result.value_number != null && result.range?.low != null && result.range.high != null ? (
          <RangeGauge
            value={result.value_number}
            low={result.range.low}
            high={result.range.high}
            write={write}
            label={t("result.gauge", { value: result.value_text, unit: readableUnit(result.unit), range: range ?? "" })}
          />
        ) : null}
      </div>
      {reassure && isOutside(result.interpretation) ? <p className="result-reassure">{t("result.reassure")}</p> : null}
      <dl className="facts">
        <div>
          <dt>{t("result.taken")}</dt>
          <dd>{result.effective_at ? moments.instant(result.effective_at) : t("results.noDate")}</dd>
        </div>
        <div>
          <dt>{t("result.status")}</dt>
          <dd>{t(statusWords(result.status))}</dd>
        </div>
        {result.code ? (
          <div>
            <dt>{t("result.code")}</dt>
            <dd>{result.code}</dd>
          </div>
        ) : null}
      </dl>
      {result.note ? (
        <section className="note">
          <h2>{t("result.note")}</h2>
          <p>{result.note}</p>
        </section>
      ) : null}
      <Trend result={result} hrefOf={hrefOf} />
    </Page>
  );
}
