import { Text } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useEffect, useRef, useState } from "react";

import { asApiError } from "../api/error";
import { useGateway } from "../api/gateway";
import { healthQuery, keys, sessionQuery } from "../api/queries";
import { recoveryMark } from "../api/recovery-mark";
import { Failure, Loading } from "../components/states";
import { RecoveryKey } from "../features/session/recovery-key";
import { SetUp } from "../features/session/set-up";
import { SignIn } from "../features/session/sign-in";
import { Welcome } from "../features/session/welcome";
import { StateLine } from "../features/status/state-bar";
import { strings } from "../strings";
import { Front } from "./front";
import { StartGateway } from "./start-gateway";

/** Lets through who is signed in; everyone else gets the step that they are at. */
export function Gate({ children, onSetUp }: { children: (user: string) => ReactNode; onSetUp?: () => void }) {
  const { client } = useGateway();
  const queries = useQueryClient();
  const health = useQuery(healthQuery(client)).data;
  const state = health?.state;
  const configured = state !== undefined && state !== "unconfigured";
  // Held here and nowhere else, until the person says that it is stored.
  const [set, setSet] = useState<{ recoveryKey: string; user: string }>();
  const shown = (key: typeof set) => {
    recoveryMark.set();
    setSet(key);
  };
  const [begun, setBegun] = useState(false);
  const session = useQuery({ ...sessionQuery(client), enabled: configured && state !== "stopped" && set === undefined });
  const lookAgain = () => queries.invalidateQueries({ queryKey: [keys.session] });

  // What was read before the gateway went away may not hold any more.
  const before = useRef(state);
  useEffect(() => {
    if (before.current === "stopped" && state !== "stopped") void queries.invalidateQueries();
    before.current = state;
  }, [state, queries]);

  if (set !== undefined) {
    return (
      <Front title={strings.recoveryKey.title} step={1}>
        <RecoveryKey
          {...set}
          onContinue={() => {
            recoveryMark.clear();
            setSet(undefined);
            onSetUp?.();
            void queries.invalidateQueries();
          }}
        />
      </Front>
    );
  }
  if (state === undefined) return <Loading label={strings.loading} />;
  if (state === "unconfigured") {
    return begun ? (
      <Front title={strings.setUp.title} step={0}>
        <SetUp withPassphrase={health?.needsPassphrase ?? false} onDone={shown} />
      </Front>
    ) : (
      <Front title={strings.welcome.title}>
        <Welcome onBegin={() => setBegun(true)} />
      </Front>
    );
  }
  if (session.data) return children(session.data.user);
  if (state === "stopped") {
    return (
      <Front title={strings.offline.title}>
        <StateLine />
        <Text size="sm">{strings.offline.next}</Text>
        <StartGateway />
      </Front>
    );
  }
  if (session.isError) {
    const error = asApiError(session.error);
    return (
      <Front title={strings.product}>
        <Failure message={error.message} next={error.next} action={{ label: strings.retry, run: () => void lookAgain() }} />
      </Front>
    );
  }
  if (session.data === undefined) return <Loading label={strings.loading} />;
  return (
    <Front title={strings.signIn.title}>
      <SignIn onDone={() => void lookAgain()} />
    </Front>
  );
}
