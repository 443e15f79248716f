// A connection to a node: requests over HTTP and, where the directory names one, subscriptions over a WebSocket.
import {
  createSolanaRpc,
  createSolanaRpcSubscriptions,
  type Rpc,
  type RpcSubscriptions,
  type SolanaRpcApi,
  type SolanaRpcSubscriptionsApi,
} from '@solana/kit';

import type { Endpoints } from './directory';

/** A connection to a node. */
export interface Connection {
  readonly rpc: Rpc<SolanaRpcApi>;
  /** Null where there is no WebSocket: then everything is polled. */
  readonly subscriptions: RpcSubscriptions<SolanaRpcSubscriptionsApi> | null;
}

/** Connects to the node of a directory. Nothing is sent before it is needed. */
export function connect(endpoints: Pick<Endpoints, 'rpc' | 'ws'>): Connection {
  return {
    rpc: createSolanaRpc(endpoints.rpc),
    subscriptions: endpoints.ws === null ? null : createSolanaRpcSubscriptions(endpoints.ws),
  };
}

/** Most time that one request may take. */
export const REQUEST_TIMEOUT_MS = 15_000;

/** A signal that ends a request that takes too long, or with `signal`. */
export function deadline(signal?: AbortSignal, milliseconds = REQUEST_TIMEOUT_MS): AbortSignal {
  const timeout = AbortSignal.timeout(milliseconds);
  return signal ? AbortSignal.any([signal, timeout]) : timeout;
}

/** Bytes of base64 text, as nodes send account data. */
export function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

/** Waits, or rejects when `signal` aborts. */
export function sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, milliseconds);
    if (signal?.aborted) onAbort();
    else signal?.addEventListener('abort', onAbort, { once: true });
  });
}
