import type { ComponentType } from "react";

import type { Grant, StoryGrant } from "../../../api/types";
import { Mark } from "../../../components/mark";
import { strings } from "../../../strings";

const t = strings.audit.story;

export type GrantLineOf = ComponentType<{ grant: Grant }>;

interface StoryGrantsProps {
  grants: readonly StoryGrant[];
  href: (grant: string) => string;
  Line: GrantLineOf;
}

/** The grants that took part, as they are now, and whether that is what they were. */
export function StoryGrants({ grants, href, Line }: StoryGrantsProps) {
  return (
    <>
      <h4 className="part-title">{t.grants}</h4>
      {grants.length === 0 && <p className="dim note">{t.noGrant}</p>}
      <ul className="story-grants">
        {grants.map(({ id, grant, changed_since: changed }) => (
          <li key={id} data-testid={`story-grant-${id}`}>
            {grant == null ? <code>{id}</code> : <a href={href(id)}>{id}</a>}
            {grant == null && <Mark tone="neutral" icon="dash" label={t.gone} />}
            {grant != null && changed && <Mark tone="wait" icon="alert" label={t.changed} />}
            {grant != null && (
              <div className="story-grant">
                <Line grant={grant} />
              </div>
            )}
          </li>
        ))}
      </ul>
    </>
  );
}
