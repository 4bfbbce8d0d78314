import { useState } from 'preact/hooks';
import { call } from '../api.ts';
import { useDoing } from '../asking.ts';
import { Command, FailureNote } from '../parts/basics.tsx';
import { Brand } from '../parts/icon.tsx';
import { session, signIn } from '../session.ts';
import { useStore } from '../store.ts';

export function SignIn() {
  const { refusal } = useStore(session);
  const [token, setToken] = useState('');
  const [keep, setKeep] = useState(false);
  const doing = useDoing();
  const submit = (event: Event) => {
    event.preventDefault();
    doing.run(async () => signIn(token.trim(), await call('me', {}, { token: token.trim() }), keep));
  };
  return (
    <main class="sign-in">
      <form class="card" onSubmit={submit}>
        <div class="brand">
          <Brand />
          <span>Weir</span>
        </div>
        <h1>Sign in</h1>
        <p class="note">
          With a token. On the machine that serves, this makes one:
          <Command>weir token create me --role admin</Command>
        </p>
        {refusal !== '' && doing.failure === null && <p class="failure">{refusal}</p>}
        <label class="field">
          <span>Token</span>
          <input
            type="password"
            autocomplete="current-password"
            required
            value={token}
            onInput={(event) => setToken(event.currentTarget.value)}
          />
        </label>
        <label class="check">
          <input type="checkbox" checked={keep} onChange={(event) => setKeep(event.currentTarget.checked)} />
          <span>Stay signed in on this device. Else it ends with this tab.</span>
        </label>
        {doing.failure !== null && <FailureNote failure={doing.failure} />}
        <button type="submit" class="button primary wide" aria-disabled={doing.busy}>
          {doing.busy ? 'Signing in…' : 'Sign in'}
        </button>
      </form>
    </main>
  );
}
