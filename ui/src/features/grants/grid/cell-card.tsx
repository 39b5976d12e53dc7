import { Button, Group } from "@mantine/core";

import type { Grant } from "../../../api/types";
import { Icon } from "../../../components/icons";
import { Mark } from "../../../components/mark";
import { ToolName } from "../../../components/tool-name";
import { UntrustedText } from "../../../components/untrusted-text";
import { strings } from "../../../strings";
import { EffectChoice } from "../effect-choice";
import { EffectMark, InForceMark, Limits } from "../grant-marks";
import { type Cell, isLive } from "../resolve";
import type { Subject } from "../subject";
import type { Choice } from "./staged";

const t = strings.grid.card;
const MOST_NAMED = 6;
const DESCRIPTION = 240;

interface CellCardProps {
  subject: Subject;
  tool: string;
  /** What a grant of it names. */
  grantAs: string;
  description: string | undefined;
  cell: Cell;
  pending: Choice | undefined;
  now: number;
  /** To look at only: it goes when the pointer does. */
  peek: boolean;
  editable: boolean;
  onChoose: (choice: Choice) => void;
  onEdit: (grant: Grant) => void;
  onDetails: () => void;
  onWhy: (() => void) | undefined;
  onOnly: (() => void) | undefined;
}

/** Why a cell is as it is; and, once it is opened, all that can be done about it. */
export function CellCard(props: CellCardProps) {
  const { subject, tool, cell, pending, now, peek, editable } = props;
  const reasons = cell.inherited.slice(0, MOST_NAMED);
  return (
    <div className="pg-card" data-testid={peek ? "cell-peek" : "cell-card"}>
      <div className="pg-card-head">
        <strong className="wrap">{subject.key}</strong> <span className="dim">·</span> <ToolName id={tool} />
      </div>
      {props.description && (
        <p className="dim note clamp">
          <UntrustedText text={props.description} limit={DESCRIPTION} />
        </p>
      )}
      <div className="pg-card-state">
        <span className="dim">{t.inForce}</span> <InForceMark verdict={cell.verdict} />
        {pending !== undefined && (
          <>
            <span className="dim">{t.wanted}</span> {pending === "none" ? <Mark tone="neutral" icon="dash" label={strings.grants.none} /> : <EffectMark effect={pending} />}
          </>
        )}
      </div>
      <ul className="pg-reasons">
        {cell.own && (
          <li>
            <EffectMark effect={cell.own.effect} /> <span className="wrap">{t.set(cell.own.tool)}</span>
            {!isLive(cell.own, now) && <span className="dim"> ({t.expired})</span>}
            {(cell.own.expires_at != null || cell.own.rate != null) && (
              <div className="dim">
                <Limits grant={cell.own} now={now} />
              </div>
            )}
          </li>
        )}
        {cell.conditional.map((grant) => (
          <li key={grant.id}>
            <EffectMark effect={grant.effect} /> <code className="when">{grant.when}</code>
            {!peek && editable && (
              <Button size="compact-xs" variant="subtle" onClick={() => props.onEdit(grant)} aria-label={strings.grants.list.editNamed(grant.subject, grant.tool)}>
                {strings.grants.list.edit}
              </Button>
            )}
          </li>
        ))}
        {reasons.map((grant) => (
          <li key={grant.id}>
            <EffectMark effect={grant.effect} /> <span className="wrap">{grant.subject === subject.key ? t.onlyOwn(grant.tool) : t.by(grant.subject, grant.tool)}</span>
            {grant.when != null && (
              <div>
                <code className="when">{grant.when}</code>
              </div>
            )}
          </li>
        ))}
        {cell.inherited.length > reasons.length && <li className="dim">{t.more(cell.inherited.length - reasons.length)}</li>}
        {cell.verdict === "nothing" && <li className="dim">{cell.outsideScope ? t.outside : subject.kind === "team" ? t.teamNothing : t.notGranted}</li>}
        {props.grantAs !== tool && <li className="dim">{strings.grants.grantAs(props.grantAs)}</li>}
      </ul>
      {peek && <p className="dim note pg-card-hint">{t.hint}</p>}
      {!peek && (
        <>
          {editable && <EffectChoice tool={props.grantAs} value={pending ?? cell.own?.effect ?? "none"} onChoose={props.onChoose} />}
          <Group gap={4} className="pg-card-actions">
            {editable && (
              <Button size="compact-xs" variant="subtle" onClick={props.onDetails} data-testid={`details-${props.grantAs}`}>
                {t.condition}
              </Button>
            )}
            {props.onWhy && (
              <Button size="compact-xs" variant="subtle" leftSection={<Icon name="question" size={12} />} onClick={props.onWhy} data-testid="cell-why">
                {t.why}
              </Button>
            )}
            {props.onOnly && (
              <Button size="compact-xs" variant="subtle" onClick={props.onOnly}>
                {t.onlySubject(subject.key)}
              </Button>
            )}
          </Group>
        </>
      )}
    </div>
  );
}
