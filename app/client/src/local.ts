// The server of a local chain: its faucet and its price scenarios. There is none on a public network.
import type { Address, Signature } from '@solana/kit';

import { request } from './http';

/** A price history that can be played. */
export interface ScenarioInfo {
  readonly name: string;
  readonly about: string;
}

/** What a local chain is doing. */
export interface LocalStatus {
  readonly scenario: string;
  readonly running: boolean;
  /** Share of the scenario that has been played; null while prices walk calmly. */
  readonly progress: number | null;
  readonly secondsPerTick: number;
  readonly tick: number;
  /** Dollars by symbol. */
  readonly prices: Readonly<Record<string, number>>;
  /** Symbols whose prices are not published. */
  readonly silent: readonly string[];
  /** Names of the chain's own participants by margin account. */
  readonly names: Readonly<Record<string, string>>;
  readonly scenarios: readonly ScenarioInfo[];
}

/** What the faucet gave. */
export interface Granted {
  readonly signature: Signature;
  /** The token account that received it. */
  readonly account: Address;
}

/** The server of a local chain. */
export class LocalChain {
  constructor(private readonly base: string) {}

  status(signal?: AbortSignal): Promise<LocalStatus> {
    return request(`${this.base}/status`, {}, signal);
  }

  /** Gives tokens (whole units as a decimal text), and SOL for fees. */
  faucet(owner: Address, asset: string, amount: string, signal?: AbortSignal): Promise<Granted> {
    return this.post('/faucet', { owner, asset, amount }, signal);
  }

  /** Plays a scenario from the present prices within so many seconds. */
  async scenario(name: string, seconds: number, signal?: AbortSignal): Promise<void> {
    await this.post('/scenario', { name, seconds }, signal);
  }

  /** Moves the prices of some assets, by symbol, or of all within so many seconds. */
  async shock(assets: readonly string[] | 'all', percent: number, seconds: number, signal?: AbortSignal): Promise<void> {
    await this.post('/shock', { assets, percent, seconds }, signal);
  }

  private post<T>(path: string, body: unknown, signal?: AbortSignal): Promise<T> {
    const headers = { 'content-type': 'application/json' };
    return request(`${this.base}${path}`, { method: 'POST', headers, body: JSON.stringify(body) }, signal);
  }
}
