import { useQuery } from "@tanstack/react-query";

import { useGateway } from "../../api/gateway";
import { sessionQuery, usersQuery } from "../../api/queries";
import { Loaded } from "../../components/states";
import { strings } from "../../strings";
import { type TokenSlot, UserPanel } from "./user-panel";

const t = strings.invites.own;

/** A member's home: the programs that act for them. */
export function OwnAgents({ grantsHref, connectHref, HowTo }: { grantsHref: (subject: string) => string; connectHref: string; HowTo: TokenSlot }) {
  const { client } = useGateway();
  const own = useQuery(sessionQuery(client)).data?.user;
  // A member is told of themself alone.
  const users = useQuery(usersQuery(client));
  return (
    <section className="panel" aria-label={t.agents} data-testid="own-agents">
      <Loaded of={users}>
        {(known) => {
          const me = known.find((user) => user.name === own);
          return (
            me && (
              <>
                <h2 className="visually-hidden">{t.agents}</h2>
                <UserPanel user={me} teams={[]} grantsHref={grantsHref} connectHref={connectHref} HowTo={HowTo} onGone={() => undefined} />
              </>
            )
          );
        }}
      </Loaded>
    </section>
  );
}
