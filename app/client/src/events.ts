// The program's events in a transaction's logs.
import type { Address } from '@solana/kit';

import { fromBase64 } from './connection';
import { EVENT_TABLE, type ProgramEvent } from './generated';

const DATA = 'Program data: ';

/** The events that the program logged, in order. What another program logged does not count, whatever its bytes. */
export function eventsOf(logs: readonly string[], program: Address): ProgramEvent[] {
  const running: string[] = [];
  const events: ProgramEvent[] = [];
  for (const line of logs) {
    if (line.startsWith(DATA)) {
      const event = running.at(-1) === program ? decodeEvent(fromBase64(line.slice(DATA.length).trim())) : null;
      if (event) events.push(event);
      continue;
    }
    const [, started, ended] = /^Program (?:(\w+) invoke \[\d+\]|(\w+) (?:success|failed))/.exec(line) ?? [];
    if (started) running.push(started);
    else if (ended) running.pop();
  }
  return events;
}

/** An event of the program, or null for data that is none of this version. */
export function decodeEvent(payload: Uint8Array): ProgramEvent | null {
  const entry = EVENT_TABLE.find(({ discriminator }) => discriminator.every((byte, i) => payload[i] === byte));
  if (!entry) return null;
  return { kind: entry.kind, data: entry.decoder().decode(payload.slice(8)) } as ProgramEvent;
}
