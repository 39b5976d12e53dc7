import { Button } from "@mantine/core";

import type { Grant } from "../../api/types";
import { Mark } from "../../components/mark";
import { strings } from "../../strings";
import { EffectMark, Limits } from "./grant-marks";
import { conditionalGrants, directGrant, inheritedGrants, outsideScope, type Subject, type Target } from "./resolve";

const t = strings.grants;

/** Where the effective state comes from, when not from this row. */
export function Reasons({ subject, grants, tool }: { subject: Subject; grants: readonly Grant[]; tool: Target }) {
  const inherited = inheritedGrants(grants, subject, tool);
  const outside = outsideScope(subject, tool);
  if (inherited.length === 0 && !outside) return null;
  return (
    <ul className="reasons">
      {inherited.map(({ grant, effect }) => (
        <li key={grant.id}>{t.via(effect, grant.subject, grant.tool, grant.subject === subject.key, grant.when != null)}</li>
      ))}
      {outside && <li>{t.outsideScope}</li>}
    </ul>
  );
}

interface OwnGrantsProps {
  subject: Subject;
  grants: readonly Grant[];
  tool: string;
  now: number;
  onEdit: ((grant: Grant) => void) | undefined;
}

/** What a row's own grants say beyond allow, ask or deny. */
export function OwnGrants({ subject, grants, tool, now, onEdit }: OwnGrantsProps) {
  const direct = directGrant(grants, subject.key, tool);
  const limited = direct && (direct.expires_at != null || direct.rate != null);
  const conditional = conditionalGrants(grants, subject.key, tool);
  if (!limited && conditional.length === 0) return null;
  return (
    <ul className="own-grants">
      {limited && (
        <li className="dim">
          <Limits grant={direct} now={now} />
        </li>
      )}
      {conditional.map((grant) => (
        <li key={grant.id}>
          <EffectMark effect={grant.effect} /> <code className="when">{grant.when}</code>
          {(grant.expires_at != null || grant.rate != null) && (
            <div className="dim">
              <Limits grant={grant} now={now} />
            </div>
          )}
          {onEdit && (
            <Button size="compact-xs" variant="subtle" onClick={() => onEdit(grant)} aria-label={t.list.editNamed(grant.subject, grant.tool)}>
              {t.list.edit}
            </Button>
          )}
        </li>
      ))}
    </ul>
  );
}

export function NewTools({ grant }: { grant: Grant | undefined }) {
  const added = grant?.new_tools?.length ?? 0;
  return added > 0 ? (
    <div>
      <Mark tone="wait" icon="alert" label={t.newTools(added)} />
    </div>
  ) : null;
}
