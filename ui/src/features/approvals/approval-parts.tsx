import { Text } from "@mantine/core";
import type { ReactNode } from "react";

import type { Approval } from "../../api/types";
import { CopyLine } from "../../components/copy-line";
import { UntrustedText } from "../../components/untrusted-text";
import { strings } from "../../strings";
import { deedOf } from "../../strings/items";
import { Arguments } from "./arguments/arguments";
import { Countdown } from "./countdown";
import { Differences } from "./differences";

const t = strings.approvals;

/** Who wants what, and how long there is to answer. */
export function ApprovalHead({ approval, titleId, children }: { approval: Approval; titleId: string; children?: ReactNode }) {
  const { verb, name, of } = deedOf(approval.tool);
  return (
    <header className="approval-head">
      <h2 id={titleId}>
        <UntrustedText text={approval.agent == null ? approval.user : `${approval.user} / ${approval.agent}`} /> <span className="dim">{t.wants(verb)}</span>{" "}
        <code className="tool-name" title={name}>
          <UntrustedText text={name} />
        </code>
        {of !== undefined && (
          <>
            {" "}
            <span className="dim">{t.of(of)}</span>
          </>
        )}
      </h2>
      <div className="approval-clock">
        {children}
        <Countdown approval={approval} />
      </div>
    </header>
  );
}

/** All that there is to know before answering. */
export function ApprovalFacts({ approval }: { approval: Approval }) {
  return (
    <>
      <p className="says">
        <span className="dim">{approval.description === "" ? t.noDescription : `${t.says}: `}</span>
        {approval.description !== "" && <UntrustedText text={approval.description} />}
      </p>
      <Arguments args={approval.args} digest={approval.args_digest} />
      <Differences differences={approval.differences ?? undefined} />
      {approval.sign_in != null && (
        <>
          <Text size="sm" data-tone="wait">
            {t.signIn}
          </Text>
          <CopyLine text={approval.sign_in} label={strings.accounts.linkLabel} testId="approval-sign-in" />
        </>
      )}
      {!approval.waiting && (
        <p className="note dim">{t.off}</p>
      )}
    </>
  );
}
