/** The parts of the page, as the address names them. */
export const SETTINGS_PARTS = ["sharing", "keychain", "sessions", "appearance", "desktop", "diagnostics", "egress"] as const;
export type SettingsPart = (typeof SETTINGS_PARTS)[number];
