// Settings: theme, where the chain is, habits.
import { useState, type JSX } from 'react';
import { changeSettings, useSettings, type Settings } from '../data/settings.ts';
import { Button, Check, Dialog, Input, Select } from '../ui/index.ts';
import styles from './SettingsDialog.module.css';

const THEMES = [
  { value: 'system', label: 'Like the system' },
  { value: 'dark', label: 'Dark' },
  { value: 'light', label: 'Light' },
] as const;

/** The settings dialog. */
export function SettingsDialog({ open, onClose }: { open: boolean; onClose: () => void }): JSX.Element {
  return (
    <Dialog title="Settings" open={open} onClose={onClose}>
      <Form onClose={onClose} />
    </Dialog>
  );
}

function Form({ onClose }: { onClose: () => void }): JSX.Element {
  const settings = useSettings();
  const [draft, setDraft] = useState<Pick<Settings, 'directory' | 'rpc' | 'ws'>>(settings);
  const wrong = (text: string, schemes: string) =>
    text && !new RegExp(`^(${schemes})://\\S+$`).test(text) ? `An address that starts with ${schemes.split('|')[0]}://` : undefined;
  const errors = { rpc: wrong(draft.rpc, 'https|http'), ws: wrong(draft.ws, 'wss|ws') };
  const save = () => {
    changeSettings({ directory: draft.directory || '/exchange.json', rpc: draft.rpc, ws: draft.ws });
    onClose();
  };
  return (
    <form
      className={styles.form}
      onSubmit={(event) => {
        event.preventDefault();
        save();
      }}
    >
      <Select label="Theme" value={settings.theme} onChange={(theme) => changeSettings({ theme })} options={THEMES} />
      <Check
        label="Ask once more before an order is sent"
        checked={settings.confirmOrders}
        onChange={(confirmOrders) => changeSettings({ confirmOrders })}
      />
      <hr />
      <Input label="Exchange directory" value={draft.directory} onChange={(directory) => setDraft({ ...draft, directory })} hint="File that names the exchange's accounts and servers." />
      <Input label="RPC address" placeholder="the directory's" value={draft.rpc} error={errors.rpc} onChange={(rpc) => setDraft({ ...draft, rpc })} />
      <Input label="WebSocket address" placeholder="the directory's" value={draft.ws} error={errors.ws} onChange={(ws) => setDraft({ ...draft, ws })} />
      <div className={styles.buttons}>
        <Button onClick={onClose}>Close</Button>
        <Button kind="primary" type="submit" disabled={Boolean(errors.rpc || errors.ws)}>
          Save and reconnect
        </Button>
      </div>
    </form>
  );
}
