import { Button, Tabs } from "@mantine/core";
import { useState } from "react";

import { useRole } from "../../api/use-role";
import { Icon } from "../../components/icons";
import { strings } from "../../strings";
import { ExportDialog } from "./export-dialog";
import { StateLine } from "./proof/state-line";
import { ProofView } from "./proof/proof-view";
import { SettingsView } from "./settings/settings-view";
import { TrailView } from "./trail/trail-view";
import type { TrailFilter } from "./trail/filter";
import { AUDIT_VIEWS, type AuditPart } from "./parts";
import "./audit.css";

const t = strings.audit;

interface AuditViewProps {
  view: AuditPart;
  filter: TrailFilter;
  proofHref: string;
  onView: (view: AuditPart) => void;
  onFilter: (filter: TrailFilter) => void;
  onOpen: (id: string) => void;
}

/** The trail, whether it can be trusted, and what it keeps. A member has their own records and no more. */
export function AuditView({ view, filter, proofHref, onView, onFilter, onOpen }: AuditViewProps) {
  const member = useRole() === "member";
  const [exporting, setExporting] = useState(false);
  const shown = member ? "trail" : view;
  return (
    <div className="audit">
      <div className={member ? "page-head" : "titled-tabs"}>
        <h1>{t.title}</h1>
        {member ? (
          <span className="dim small">{t.memberNote}</span>
        ) : (
          <Tabs value={view} onChange={(value) => onView(AUDIT_VIEWS.find((part) => part === value) ?? "trail")}>
            <Tabs.List aria-label={t.viewsLabel}>
              {AUDIT_VIEWS.map((part) => (
                <Tabs.Tab key={part} value={part} data-testid={`audit-view-${part}`}>
                  {t.views[part]}
                </Tabs.Tab>
              ))}
            </Tabs.List>
          </Tabs>
        )}
      </div>
      {shown === "trail" && (
        <>
          {!member && <StateLine href={proofHref} />}
          <TrailView filter={filter} onFilter={onFilter} onOpen={onOpen}>
            <Button size="xs" variant="default" leftSection={<Icon name="download" size={14} />} onClick={() => setExporting(true)} data-testid="audit-export">
              {t.export.open}
            </Button>
          </TrailView>
        </>
      )}
      {shown === "proof" && <ProofView onExport={() => setExporting(true)} />}
      {shown === "settings" && <SettingsView />}
      {exporting && <ExportDialog filter={shown === "trail" ? filter : {}} proof={shown === "proof"} onClose={() => setExporting(false)} />}
    </div>
  );
}
