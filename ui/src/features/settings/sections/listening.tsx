import { useQuery } from "@tanstack/react-query";

import { useGateway } from "../../../api/gateway";
import { statusQuery } from "../../../api/queries";
import { CopyLine } from "../../../components/copy-line";
import { Icon } from "../../../components/icons";
import { Loading } from "../../../components/states";
import { strings } from "../../../strings";
import { Section } from "../../../components/section";

const t = strings.settings.sharing;

/** Where the gateway listens now, and who can reach that. */
export function Listening() {
  const { client } = useGateway();
  const status = useQuery(statusQuery(client)).data;
  if (status === undefined) return <Loading label={strings.loading} />;
  return (
    <Section title={t.title} text={t.text}>
      <dl className="facts settings-facts">
        <dt>{t.agents}</dt>
        <dd>
          <CopyLine text={`${status.url}/mcp`} label={t.agents} testId="listening-agents" />
        </dd>
        <dt>{t.browsers}</dt>
        <dd>
          <CopyLine text={status.url} label={t.browsers} testId="listening-browsers" />
        </dd>
        <dt>{t.reach}</dt>
        <dd className="settings-said">
          <Icon name="lock" size={14} /> {t.loopback}
        </dd>
        <dt>{t.local}</dt>
        <dd>{t.localText}</dd>
      </dl>
    </Section>
  );
}
