import { useState, type FormEvent } from "react";
import { answer, Button, ErrorSummary, Field, StepUpCancelled, useCloister, useFormProblems, useStepUp, useText, type FormMessage } from "@cloister/ui";
import { readKeySet } from "../key-set";

/** Registers a record system by its public keys and identifier systems. */
export function MachineClientForm({ onAdded }: { onAdded: (name: string) => void }) {
  const t = useText();
  const { api } = useCloister();
  const withStepUp = useStepUp();
  const problems = useFormProblems();
  const [name, setName] = useState("");
  const [keys, setKeys] = useState("");
  const [systems, setSystems] = useState("");
  const [busy, setBusy] = useState(false);

  const required = (field: string, words: Parameters<typeof t>[0]): FormMessage => ({ field, text: t("field.required", { field: t(words) }) });

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (busy) return;
    const read = readKeySet(keys);
    const listed = systems.split("\n").map((line) => line.trim()).filter(Boolean);
    const found: FormMessage[] = [];
    if (name.trim() === "") found.push(required("client-name", "machine.nameField"));
    if (keys.trim() === "") found.push(required("client-keys", "machine.jwksField"));
    else if ("flaw" in read) found.push({ field: "client-keys", text: t(read.flaw === "private" ? "machine.jwksPrivate" : "machine.jwksInvalid") });
    if (listed.length === 0) found.push(required("client-systems", "machine.systemsField"));
    if (found.length > 0 || "flaw" in read) return problems.show(found);
    problems.clear();
    setBusy(true);
    try {
      const body = { name: name.trim(), jwks: read.keySet as Record<string, never>, identifier_systems: listed };
      await withStepUp(() => answer(api.POST("/api/v1/machine-clients", { body })));
      setName("");
      setKeys("");
      setSystems("");
      onAdded(body.name);
    } catch (failure) {
      if (!(failure instanceof StepUpCancelled)) problems.showFailure(failure, ({ fields }) => (fields.length > 0 ? fields.flatMap(fieldMessage) : null));
    } finally {
      setBusy(false);
    }
  };

  const fieldMessage = ({ field }: { field: string }): FormMessage[] => {
    if (field.startsWith("jwks")) return [{ field: "client-keys", text: t("machine.jwksInvalid") }];
    if (field.startsWith("identifier_systems")) return [{ field: "client-systems", text: t("field.check", { field: t("machine.systemsField") }) }];
    return [{ field: "client-name", text: t("field.check", { field: t("machine.nameField") }) }];
  };

  return (
    <form className="card narrow" onSubmit={(event) => void submit(event)} noValidate>
      <ErrorSummary problems={problems} />
      <h2>{t("machine.addTitle")}</h2>
      <Field id="client-name" label={t("machine.name")} value={name} onChange={setName} error={problems.of("client-name")} />
      <Field id="client-keys" label={t("machine.jwks")} hint={t("machine.jwksHint")} lines={6} value={keys} onChange={setKeys} error={problems.of("client-keys")} />
      <Field id="client-systems" label={t("machine.systems")} hint={t("machine.systemsHint")} lines={3} value={systems} onChange={setSystems} error={problems.of("client-systems")} />
      <Button type="submit" busy={busy}>
        {t("machine.add")}
      </Button>
    </form>
  );
}
