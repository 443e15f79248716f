// Prepares the program's interface file for Codama: what the generator does not know is expressed in what it does.

/**
 * The interface with Anchor's type aliases inlined, events kept as types, and without the addresses that Anchor derived.
 *
 * Anchor writes `risk_state` where a seed is `risk_state.exchange`, so its derivations would be wrong: `addresses.ts`
 * derives them instead. Codama leaves out types that only events use, so each event also becomes a type `NameEvent`.
 */
export function prepare(idl) {
  const aliases = new Map(idl.types.filter(isAlias).map((type) => [type.name, type.type.alias]));
  const inlined = inlineAliases(idl, aliases);
  const types = inlined.types.filter((type) => !isAlias(type));
  const events = inlined.events.map((event) => {
    const type = types.find((candidate) => candidate.name === event.name);
    if (!type) throw new Error(`the interface file lists the event ${event.name} without its type`);
    return { ...type, name: `${event.name}Event` };
  });
  return {
    ...inlined,
    types: [...types, ...events],
    instructions: inlined.instructions.map((instruction) => ({
      ...instruction,
      args: instruction.args.map((argument) => renamed(instruction, argument)),
      accounts: instruction.accounts.map(({ pda: _, ...account }) => account),
    })),
  };
}

const isAlias = (type) => type.type.kind === 'type';

/** An argument that is named like an account gets another name; the encoding is by position and stays. */
function renamed(instruction, argument) {
  const taken = instruction.accounts.some((account) => account.name === argument.name);
  return taken ? { ...argument, name: `new_${argument.name}` } : argument;
}

function inlineAliases(node, aliases) {
  if (Array.isArray(node)) return node.map((item) => inlineAliases(item, aliases));
  if (node === null || typeof node !== 'object') return node;
  const target = node.defined && aliases.get(node.defined.name);
  if (target !== undefined) return inlineAliases(target, aliases);
  return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, inlineAliases(value, aliases)]));
}

/** The source of the program's page: its address. */
export function programSource(idl) {
  return `// This file is generated from the interface file by \`npm run generate\`. Do not edit it.
import { type Address } from "@solana/kit";

/** Where the program is deployed. */
export const PLIMSOLL_PROGRAM_ADDRESS = "${idl.address}" as Address<"${idl.address}">;
`;
}

/** The source of the errors' page: every refusal by its code. */
export function errorsSource(idl) {
  const rows = idl.errors.map(({ code, name, msg }) => `  ${name}: { code: ${code}, message: ${JSON.stringify(msg)} },`);
  return `// This file is generated from the interface file by \`npm run generate\`. Do not edit it.

/** Every refusal of the program, by its name. */
export const PROGRAM_ERRORS = {
${rows.join('\n')}
} as const;

/** The name of a refusal. */
export type ProgramErrorName = keyof typeof PROGRAM_ERRORS;
`;
}

/** The source of `events.ts`: every event with its discriminator and decoder, for reading logs. */
export function eventsSource(idl) {
  const names = idl.events.map((event) => event.name).sort();
  const decoders = names.map((name) => `  get${name}EventDecoder,\n  type ${name}Event,`).join('\n');
  const union = names.map((name) => `  | { kind: "${name}"; data: ${name}Event }`).join('\n');
  const bytes = new Map(idl.events.map((event) => [event.name, event.discriminator]));
  const rows = names
    .map((name) => `  { kind: "${name}", discriminator: [${bytes.get(name).join(', ')}], decoder: get${name}EventDecoder },`)
    .join('\n');
  return `// This file is generated from the interface file by \`npm run generate\`. Do not edit it.
import {
${decoders}
} from "./types";

/** Everything the program logs as an event. */
export type ProgramEvent =
${union};

/** The name of an event. */
export type ProgramEventKind = ProgramEvent["kind"];

/** How each event begins and is read. */
export const EVENT_TABLE = [
${rows}
] as const;
`;
}
