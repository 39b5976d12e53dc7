/** Least characters of a password or passphrase (PASSWORD_MIN in admin/setup.rs). */
export const MIN_LENGTH = 10;

/** Counted as the gateway counts: by character, not by UTF-16 unit. */
export const isLongEnough = (text: string) => Array.from(text).length >= MIN_LENGTH;
