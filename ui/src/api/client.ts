import createClient, { type Client } from "openapi-fetch";

import type { Host } from "../host";
import { asApiError, fromResponse } from "./error";
import type { paths } from "./schema";

export type ApiClient = Client<paths>;

export function createApiClient(host: Host): ApiClient {
  return createClient<paths>({ baseUrl: host.baseUrl, fetch: (request) => host.fetch(request) });
}

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** The body of an answer, or an `ApiError` thrown. */
export async function unwrap<T>(call: Promise<Answer<T>>): Promise<T> {
  const answer = await call.catch((error: unknown) => {
    throw asApiError(error);
  });
  if (!answer.response.ok) throw fromResponse(answer.response, answer.error);
  return answer.data as T;
}
