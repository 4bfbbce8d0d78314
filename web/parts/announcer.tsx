import { useEffect } from 'preact/hooks';
import { after } from '../clock.ts';
import { store, useStore } from '../store.ts';

const said = store('');

/** Says it to everybody: on the screen for a moment, and to screen readers. */
export const say = (text: string): void => said.set(text);

export function Announcer() {
  const text = useStore(said);
  useEffect(() => (text === '' ? undefined : after(6000, () => said.set(''))), [text]);
  return (
    <div class={text === '' ? 'announcer' : 'announcer shown'} role="status" aria-live="polite">
      {text}
    </div>
  );
}
