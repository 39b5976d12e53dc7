import { TextInput } from "@mantine/core";

/** Not seen: so that a password manager knows whose password the form asks for. */
export function WhosePassword({ user }: { user: string }) {
  return <TextInput value={user} readOnly autoComplete="username" className="visually-hidden" tabIndex={-1} aria-hidden="true" />;
}
