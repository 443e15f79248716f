// Tests of the gauge: what it says to those who cannot see it.
import { cleanup, render, screen } from '@testing-library/react';
import { afterEach, expect, it } from 'vitest';
import { Gauge, LoadBar } from './Gauge.tsx';

afterEach(cleanup);

const CLEAR = { init: 400, liquidationEnd: 450, maintenance: 750, equity: 1000 };
const SUNK = { init: -900, liquidationEnd: -800, maintenance: -10, equity: 100 };

it('says all lines and how the account stands', () => {
  render(<Gauge lines={CLEAR} />);
  expect(screen.getByRole('img').getAttribute('aria-label')).toBe('Health: Clear. Init $400.00, LiquidationEnd $450.00, Maint $750.00, equity $1,000.00.');
});

it('speaks of afterwards while something is considered', () => {
  render(<LoadBar lines={CLEAR} after={SUNK} />);
  expect(screen.getByRole('img').getAttribute('aria-label')).toContain('Liquidatable');
});
