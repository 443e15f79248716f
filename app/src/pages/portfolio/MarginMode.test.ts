// Tests of why a switch of margin mode would be refused.
import { expect, it } from 'vitest';
import { refusalOf } from './MarginMode.tsx';

const need = (init: number) => ({ held: 50, init, maintenance: 10 });

it('lets an account switch that has the margin', () => {
  expect(refusalOf({ liquidating: false }, need(0), 'portfolio')).toBeUndefined();
});

it('says how much is missing for the other mode', () => {
  expect(refusalOf({ liquidating: false }, need(-12.5), 'standard')).toMatch(/too little for standard margin: Init would be \$12\.50 below zero/);
});

it('refuses in a liquidation, whatever the margin', () => {
  expect(refusalOf({ liquidating: true }, need(10), 'portfolio')).toMatch(/being liquidated/);
});
