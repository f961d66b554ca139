import { useState } from "react";
import { useQuery } from "@tanstack/react-query";
import { answer, Answered, Button, Notice, Page, useCloister, useMoments, useText, type MachineClient } from "@cloister/ui";
import { Confirmation } from "./confirmation";
import { MachineClientForm } from "./machine-client-form";

/** The record systems that may send bundles, and the registration of another. */
export function MachineClients() {
  const t = useText();
  const { api, queries } = useCloister();
  const [removing, setRemoving] = useState<MachineClient | null>(null);
  const [added, setAdded] = useState<string | null>(null);
  const clients = useQuery({ queryKey: ["machine-clients"], queryFn: () => answer(api.GET("/api/v1/machine-clients")) });
  const reload = () => void queries.invalidateQueries({ queryKey: ["machine-clients"] });
  return (
    <Page title={t("machine.title")}>
      <p className="lead">{t("machine.lead")}</p>
      <div role="status">{added ? <Notice tone="good">{t("machine.added", { name: added })}</Notice> : null}</div>
      <Answered query={clients}>
        {({ items }) =>
          items.length === 0 ? (
            <p>{t("machine.none")}</p>
          ) : (
            <ul className="cards">
              {items.map((client) => (
                <ClientCard key={client.id} client={client} onRemove={() => setRemoving(client)} />
              ))}
            </ul>
          )
        }
      </Answered>
      <MachineClientForm
        onAdded={(name) => {
          setAdded(name);
          reload();
        }}
      />
      {removing ? (
        <Confirmation
          title={t("machine.removeTitle", { name: removing.name })}
          text={t("machine.removeText")}
          confirm={t("machine.remove")}
          danger
          action={() => answer(api.DELETE("/api/v1/machine-clients/{id}", { params: { path: { id: removing.id } } }))}
          onClose={(done) => {
            setRemoving(null);
            if (done) reload();
          }}
        />
      ) : null}
    </Page>
  );
}

function ClientCard({ client, onRemove }: { client: MachineClient; onRemove: () => void }) {
  const t = useText();
  const moments = useMoments();
  return (
    <li className="card session-card">
      <div>
        <h2>{client.name}</h2>
        <p className="quiet chart-reference">{t("machine.id", { id: client.id })}</p>
        <p className="quiet">{t("machine.registered", { when: moments.instant(client.created_at) })}</p>
        <p>{t("machine.systems")}</p>
        <ul className="systems">
          {client.identifier_systems.map((system) => (
            <li key={system}>
              <code>{system}</code>
            </li>
          ))}
        </ul>
      </div>
      <Button kind="danger" aria-label={t("machine.removeLabel", { name: client.name })} onPress={onRemove}>
        {t("machine.remove")}
      </Button>
    </li>
  );
}
