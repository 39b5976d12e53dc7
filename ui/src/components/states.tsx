import { Alert, Button, Group, Skeleton, Stack, Text } from "@mantine/core";
import type { ReactNode } from "react";

import { strings } from "../strings";
import { Icon, type IconName } from "./icons";

type Shape = "rows" | "form" | "cards";
const ROWS: Record<Shape, number> = { rows: 4, form: 4, cards: 2 };

/** In the shape of what comes, so that nothing jumps when it does. Shows after a moment only (shell.css). */
export function Loading({ label, as = "rows" }: { label: string; as?: Shape }) {
  return (
    <div role="status" className="loading" data-shape={as} data-testid="state-loading">
      <span className="visually-hidden">{label}</span>
      {Array.from({ length: ROWS[as] }, (_, row) => (
        <Skeleton key={row} className="loading-row" radius="md" />
      ))}
    </div>
  );
}

interface EmptyProps {
  icon: IconName;
  title: string;
  /** What to do so that something is here. */
  text: string;
  /** The button that does it. */
  children?: ReactNode;
}

export function Empty({ icon, title, text, children }: EmptyProps) {
  return (
    <Stack align="center" gap={6} className="empty" data-testid="state-empty">
      <span className="empty-icon">
        <Icon name={icon} size={24} />
      </span>
      <Text fw={600} c="var(--agw-text)">
        {title}
      </Text>
      <Text c="dimmed" size="sm" ta="center" maw={420}>
        {text}
      </Text>
      {children !== undefined && <div className="empty-action">{children}</div>}
    </Stack>
  );
}

interface FailureProps {
  message: string;
  next: string;
  action?: { label: string; run: () => void };
}

/** What went wrong and what to do next. */
export function Failure({ message, next, action }: FailureProps) {
  return (
    <Alert color="red" variant="light" icon={<Icon name="alert" />} title={capitalized(message)} role="alert" className="notice" data-tone="deny" data-testid="state-failed">
      <Text size="sm">{capitalized(next)}</Text>
      {action && (
        <Group mt="xs">
          <Button size="xs" variant="default" onClick={action.run}>
            {action.label}
          </Button>
        </Group>
      )}
    </Alert>
  );
}

/** Nothing to show because the gateway does not answer; the banner above says what to do. */
function Offline() {
  const t = strings.screen.offline;
  return (
    <div data-testid="state-offline">
      <Empty icon="off" title={t.title} text={t.text} />
    </div>
  );
}

/** Nothing to show because the vault is closed; the banner above opens it. */
function Sealed() {
  const t = strings.screen.sealed;
  return (
    <div data-testid="state-sealed">
      <Empty icon="lock" title={t.title} text={t.text} />
    </div>
  );
}

/** What a page reads, as the query library has it. */
interface Read<T> {
  data: T | undefined;
  error: unknown;
  refetch: () => unknown;
}

interface LoadedProps<T> {
  of: Read<T>;
  shape?: Shape;
  children: (data: T) => ReactNode;
}

/** In the place of what was not read yet: a skeleton while it is read, or why it could not be. */
export function Unread({ of, shape = "rows" }: { of: Read<unknown>; shape?: Shape }) {
  if (of.data !== undefined) return null;
  if (of.error == null) return <Loading label={strings.loading} as={shape} />;
  const { code, message, next } = wordsOf(of.error);
  if (code === "offline") return <Offline />;
  if (code === "sealed") return <Sealed />;
  return <Failure message={message} next={next} action={{ label: strings.retry, run: () => void of.refetch() }} />;
}

/**
 * What was read, or why it was not. What was read before stays when reading it
 * again fails; the banners above the page say that it may be old.
 */
export function Loaded<T>({ of, shape = "rows", children }: LoadedProps<T>) {
  return of.data === undefined ? <Unread of={of} shape={shape} /> : <>{children(of.data)}</>;
}

/** The API's errors have a code and a next step; whatever else fails here is a page that must be loaded again. */
function wordsOf(error: unknown): { code: string; message: string; next: string } {
  const { code, message, next } = error as Partial<Record<"code" | "message" | "next", unknown>>;
  if (typeof code === "string" && typeof message === "string" && typeof next === "string") return { code, message, next };
  return { code: "", ...strings.crashed };
}

/** The gateway's errors also stand behind “error: ” on a command line, in lower case. */
export function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
