import { Button, Text, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { useGateway } from "../../api/gateway";
import { statusQuery } from "../../api/queries";
import { Icon, type IconName } from "../../components/icons";
import { strings } from "../../strings";
import { CATALOGUE, type Entry, sampleEntry, searchCatalogue } from "./catalogue";

const t = strings.catalogue;

/** What can be connected with a click, and the way to everything else. */
export function CatalogueList({ onChoose, onByHand }: { onChoose: (entry: Entry) => void; onByHand: () => void }) {
  const { client } = useGateway();
  const program = useQuery(statusQuery(client)).data?.program;
  const [find, setFind] = useState("");
  const all = program == null ? CATALOGUE : [sampleEntry(program, t.sample), ...CATALOGUE];
  const found = searchCatalogue(all, find);
  return (
    <div className="catalogue">
      <div className="catalogue-head">
        <TextInput
          flex={1}
          leftSection={<Icon name="search" size={14} />}
          aria-label={t.search}
          placeholder={t.search}
          value={find}
          data-autofocus
          onChange={(event) => setFind(event.currentTarget.value)}
          data-testid="catalogue-find"
        />
        <Button variant="default" leftSection={<Icon name="add" size={14} />} onClick={onByHand} data-testid="catalogue-by-hand">
          {t.byHand}
        </Button>
      </div>
      <Text size="xs" c="dimmed" role="status">
        {found.length === 0 ? t.none : t.count(found.length)}
      </Text>
      <ul className="catalogue-list" aria-label={t.title}>
        {found.map((entry) => (
          <li key={entry.id}>
            <button type="button" className="catalogue-entry" onClick={() => onChoose(entry)} data-testid={`catalogue-${entry.id}`}>
              <span className="catalogue-name">
                {entry.name} <span className="dim">{entry.publisher}</span>
              </span>
              <span className="catalogue-text">{entry.text}</span>
              <span className="catalogue-how dim">
                {hows(entry).map(({ icon, label }) => (
                  <span key={label}>
                    <Icon name={icon} size={12} /> {label}
                  </span>
                ))}
              </span>
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}

/** Where it runs, and what it wants. */
function hows(entry: Entry): { icon: IconName; label: string }[] {
  const secret = entry.secrets?.some((wanted) => wanted.optional !== true) === true;
  return [
    entry.argv === undefined ? { icon: "up", label: t.remote } : { icon: "home", label: entry.runtime === undefined ? t.local : t.localWith[entry.runtime] },
    ...(entry.signIn ? [{ icon: "people" as const, label: entry.client ? t.signInClient : t.signIn }] : []),
    ...(secret ? [{ icon: "key" as const, label: t.secret }] : []),
  ];
}
