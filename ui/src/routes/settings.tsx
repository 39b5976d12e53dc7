import { PageHead } from "../components/page-head";
import { SharingSettings } from "../features/sharing/sharing-settings";
import { strings } from "../strings";

export function SettingsPage() {
  return (
    <>
      <PageHead title={strings.sharing.title} />
      <SharingSettings />
    </>
  );
}
