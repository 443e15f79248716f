// Tests of keyboard shortcuts.
import { cleanup, render } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { afterEach, expect, it, vi } from 'vitest';
import { useShortcuts } from './shortcuts.ts';

afterEach(cleanup);

function Page({ buy, go }: { buy: () => void; go: () => void }) {
  useShortcuts(
    [
      { keys: 'b', label: 'Buy', run: buy },
      { keys: 'g b', label: 'Go', run: go },
    ],
    'Test',
  );
  return <input aria-label="field" />;
}

it('runs single keys and sequences, and neither while something is typed', async () => {
  const [buy, go] = [vi.fn(), vi.fn()];
  const { getByLabelText } = render(<Page buy={buy} go={go} />);
  await userEvent.keyboard('b');
  expect(buy).toHaveBeenCalledTimes(1);
  await userEvent.keyboard('gb');
  expect(go).toHaveBeenCalledTimes(1);
  expect(buy).toHaveBeenCalledTimes(1);
  await userEvent.type(getByLabelText('field'), 'b');
  expect(buy).toHaveBeenCalledTimes(1);
});
