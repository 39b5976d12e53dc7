const MARK = "agw-recovery-key-unconfirmed";

/** That set-up showed a recovery key which nobody has said to have stored. It outlives a reload, which loses the key; of the key nothing is kept. */
export const recoveryMark = {
  set: () => localStorage.setItem(MARK, "1"),
  clear: () => localStorage.removeItem(MARK),
  isSet: () => localStorage.getItem(MARK) !== null,
};
