import { useQuery } from "@tanstack/react-query";

import { useGateway } from "../../../api/gateway";
import { auditSettingsQuery } from "../../../api/queries";
import { useIsAdmin } from "../../../api/use-role";
import { Unread } from "../../../components/states";
import { strings } from "../../../strings";
import { Erase } from "./erase";
import { Forwards } from "./forwards";
import { SettingsForm } from "./settings-form";

/** What the trail keeps, for how long, and who else gets it. */
export function SettingsView() {
  const { client } = useGateway();
  const mayChange = useIsAdmin();
  const settings = useQuery(auditSettingsQuery(client));
  return (
    <div className="audit-settings">
      {!mayChange && <p className="note dim">{strings.audit.settings.readOnly}</p>}
      <Unread of={settings} />
      {/* An auditor types nothing, so theirs follows what others save. */}
      {settings.data && <SettingsForm key={mayChange ? "edit" : settings.data.version} settings={settings.data} mayChange={mayChange} />}
      <Forwards mayChange={mayChange} />
      {mayChange && <Erase />}
    </div>
  );
}
