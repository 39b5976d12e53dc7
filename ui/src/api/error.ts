import { strings } from "../strings";
import type { ErrorBody, Place } from "./types";

/** The gateway could not be reached at all; never sent by the gateway itself. */
export const OFFLINE = "offline";

/** A failure of the admin API. Branch on `code`, show `message` and `next`. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly code: string;
  readonly next: string;
  readonly status: number;
  /** With `stale`: the row as it is now. */
  readonly current: unknown;
  /** With `invalid_condition`: where in the condition. */
  readonly place: Place | undefined;
  readonly retryAfterSeconds: number | undefined;

  constructor(body: ErrorBody, status: number, retryAfterSeconds?: number) {
    super(body.message);
    this.code = body.code;
    this.next = body.next;
    this.status = status;
    this.current = body.current ?? undefined;
    this.place = body.place ?? undefined;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

export function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  // The shell's own commands refuse with the same body.
  if (isErrorBody(error)) return new ApiError(error, 0);
  return new ApiError({ code: OFFLINE, message: strings.offline.message, next: strings.offline.next }, 0);
}

export function hasCode(error: unknown, code: string): boolean {
  return error instanceof ApiError && error.code === code;
}

/** Reads any refused answer, also one that is not the gateway's own. */
export function fromResponse(response: Response, body: unknown): ApiError {
  const seconds = Number.parseInt(response.headers.get("retry-after") ?? "", 10);
  return new ApiError(
    isErrorBody(body)
      ? body
      : { code: "unexpected", message: strings.unexpected.message(response.status), next: strings.unexpected.next },
    response.status,
    Number.isFinite(seconds) && seconds >= 0 ? seconds : undefined,
  );
}

function isErrorBody(body: unknown): body is ErrorBody {
  return (
    typeof body === "object" &&
    body !== null &&
    "code" in body &&
    typeof body.code === "string" &&
    "message" in body &&
    typeof body.message === "string" &&
    "next" in body &&
    typeof body.next === "string"
  );
}
