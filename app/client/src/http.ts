// Requests to servers that answer JSON, and refuse with a sentence in `error`.
import { deadline } from './connection';

/** A server that did not answer, or would not. */
export class ServerError extends Error {
  override readonly name = 'ServerError';

  constructor(
    message: string,
    /** The status of its answer; null when there was none. */
    readonly status: number | null,
  ) {
    super(message);
  }
}

/** The JSON that a server answers. */
export async function request<T>(url: string, init: RequestInit = {}, signal?: AbortSignal): Promise<T> {
  const response = await fetch(url, { ...init, signal: deadline(signal) }).catch((error: unknown) => {
    if (signal?.aborted) throw error;
    throw new ServerError(`${new URL(url).host} does not answer.`, null);
  });
  const body: unknown = await response.json().catch(() => null);
  if (response.ok) return body as T;
  const sentence = typeof body === 'object' && body !== null && 'error' in body ? String(body.error) : `Status ${response.status}.`;
  throw new ServerError(sentence, response.status);
}

/** A query of those parameters that are given. */
export function query(parameters: Readonly<Record<string, string | number | bigint | undefined>>): string {
  const given = Object.entries(parameters).filter(([, value]) => value !== undefined);
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return text ? `?${text}` : '';
}
