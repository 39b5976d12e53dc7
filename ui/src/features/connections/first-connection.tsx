import { Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { useGateway } from "../../api/gateway";
import { connectionsQuery } from "../../api/queries";
import { Unread } from "../../components/states";
import { UntrustedText } from "../../components/untrusted-text";
import { strings } from "../../strings";
import { Accounts } from "./accounts";
import { AddConnection } from "./add-connection";
import type { Entry } from "./catalogue";
import { CatalogueList } from "./catalogue-list";
import { HealthMark } from "./health-mark";
import "./connections.css";

const t = strings.connections;

/** The catalogue, and what has been connected with it. */
export function FirstConnection() {
  const { client } = useGateway();
  const connections = useQuery(connectionsQuery(client));
  const [adding, setAdding] = useState<Entry | "by hand">();
  if (connections.data === undefined) return <Unread of={connections} />;
  return (
    <>
      <ul className="items">
        {connections.data.map((connection) => (
          <li key={connection.id} className="panel connected" data-testid={`connected-${connection.name}`} data-health={connection.health}>
            <div className="connected-head">
              <span className="item-name">{connection.name}</span>
              <HealthMark health={connection.health} />
              <span className="dim">{t.offers(connection.tools, connection.prompts, connection.resources)}</span>
            </div>
            {connection.problem != null && (
              <Text size="sm" className="problem" data-tone={connection.health === "failed" ? "deny" : "wait"}>
                <UntrustedText text={connection.problem} />
              </Text>
            )}
            {connection.sign_in != null && <Accounts connection={connection.name} />}
          </li>
        ))}
      </ul>
      <CatalogueList onChoose={setAdding} onByHand={() => setAdding("by hand")} />
      {adding !== undefined && <AddConnection entry={adding === "by hand" ? undefined : adding} onClose={() => setAdding(undefined)} onAdded={() => setAdding(undefined)} />}
    </>
  );
}
