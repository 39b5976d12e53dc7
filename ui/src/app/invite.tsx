import { useQueryClient } from "@tanstack/react-query";
import { useRouter } from "@tanstack/react-router";
import { useEffect, useState } from "react";

import { AcceptInvite } from "../features/session/accept-invite";
import { strings } from "../strings";
import { Front } from "./front";

export const INVITE = "/invite";

/** `#/invite/SECRET`: before any session. The secret leaves the address bar and the history at once. */
export function Invite() {
  const router = useRouter();
  const queries = useQueryClient();
  const [secret] = useState(() => router.state.location.pathname.slice(INVITE.length + 1));
  const [user, setUser] = useState<string>();
  useEffect(() => router.history.replace(INVITE), [router]);
  const t = strings.invites.accept;
  return (
    <Front title={user === undefined ? t.noneTitle : t.title(user)}>
      <AcceptInvite
        secret={secret}
        onUser={setUser}
        onDone={() => {
          // Somebody else may have been signed in.
          queries.clear();
          router.history.replace("/");
        }}
      />
    </Front>
  );
}
