import type { PatientRecord } from "../api/types";
import { ageOn, useMoments } from "../format/moment";
import type { MessageId } from "../language/catalogue";
import { useText } from "../language/provider";

const SEX: Record<string, MessageId> = { male: "record.male", female: "record.female", other: "record.other" };

/** Birth date, age and sex in a line, and that a person has died where it is so. */
export function RecordFacts({ record }: { record: Pick<PatientRecord, "birth_date" | "sex" | "deceased"> }) {
  const t = useText();
  const moments = useMoments();
  const age = record.birth_date && !record.deceased ? ageOn(record.birth_date, new Date()) : null;
  return (
    <p className="record-facts">
      {record.deceased ? <span className="tag">{t("record.deceased")}</span> : null}
      {record.birth_date ? (
        <span>
          {age === null
            ? t("record.born", { date: moments.day(record.birth_date) })
            : t("record.bornAge", { date: moments.day(record.birth_date), age: t("record.age", { age }) })}
        </span>
      ) : null}
      <span>{t(SEX[record.sex ?? ""] ?? "record.unknown")}</span>
    </p>
  );
}
