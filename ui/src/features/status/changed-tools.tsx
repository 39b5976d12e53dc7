import { Alert, Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";

import { useGateway } from "../../api/gateway";
import { statusQuery } from "../../api/queries";
import { Icon } from "../../components/icons";
import { strings } from "../../strings";
import "./status.css";

const t = strings.definition;

/** Tools whose definition changed wait for somebody to look at it. */
export function ChangedTools({ href }: { href: string }) {
  const { client } = useGateway();
  const changed = useQuery(statusQuery(client)).data?.changed_tools ?? 0;
  if (changed === 0) return null;
  return (
    <Alert variant="light" color="yellow" icon={<Icon name="alert" />} title={t.banner(changed)} role="status" className="notice" data-tone="wait" data-testid="changed-tools">
      <p className="note banner-line">
        {t.bannerText(changed)}
        <Button component="a" href={href} size="compact-sm" variant="default" data-testid="changed-look">
          {t.look}
        </Button>
      </p>
    </Alert>
  );
}
