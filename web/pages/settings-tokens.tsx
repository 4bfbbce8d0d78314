import { useState } from 'preact/hooks';
import type { Role } from '../../src/api/fields.ts';
import type { TokenResource } from '../../src/api/platform.ts';
import { call } from '../api.ts';
import { useAsked, useDoing } from '../asking.ts';
import { Action, Confirm, Dialog } from '../parts/action.tsx';
import { say } from '../parts/announcer.tsx';
import { Badge, Card, Empty, FailureNote, Time, Waiting } from '../parts/basics.tsx';
import { session, whyNot } from '../session.ts';
import { useStore } from '../store.ts';

export function Tokens() {
  const { me } = useStore(session);
  const reason = whyNot('admin');
  const { data, failure, again } = useAsked('tokens', reason === '' ? {} : null);
  if (reason !== '') {
    return (
      <Card title="Tokens">
        <Empty title="Tokens are the admin's." icon="settings">
          <p>{reason}</p>
        </Empty>
      </Card>
    );
  }
  return (
    <div class="columns wide-left">
      <Card title="Tokens" note="without their secrets" class="flush">
        {failure !== null && <FailureNote failure={failure} again={again} />}
        {data === null && failure === null && <Waiting rows={4} />}
        {data !== null && <Rows items={data.items} own={me?.token.id ?? ''} changed={again} />}
      </Card>
      <Create changed={again} />
    </div>
  );
}

function Rows({
  items,
  own,
  changed,
}: {
  readonly items: readonly TokenResource[];
  readonly own: string;
  readonly changed: () => void;
}) {
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Tokens">
      <table>
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col">May</th>
            <th scope="col">Used</th>
            <th scope="col">Ends</th>
            <th scope="col">
              <span class="unseen">Revoke</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {items.map((item) => (
            <tr key={item.id}>
              <th scope="row">
                {item.name} {item.id === own && <Badge tone="calm">yours</Badge>}
              </th>
              <td>{item.role}</td>
              <td>{item.lastUsedMs === null ? 'never' : <Time ms={item.lastUsedMs} />}</td>
              <td>{item.expiresMs === null ? 'when revoked' : <Time ms={item.expiresMs} as="full" />}</td>
              <td class="number">
                <Confirm
                  route="revokeToken"
                  label="Revoke"
                  description={`Revoke ${item.name}`}
                  kind="danger"
                  title={`Revoke ${item.name}?`}
                  confirm="Revoke"
                  done={`${item.name} is revoked.`}
                  run={() => call('revokeToken', { params: { token: item.id } }).then(changed)}
                >
                  <p>Who uses it is refused from then on.{item.id === own && ' It is yours: you are signed out.'}</p>
                </Confirm>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Create({ changed }: { readonly changed: () => void }) {
  const [name, setName] = useState('');
  const [role, setRole] = useState<Role>('deploy');
  const [days, setDays] = useState('');
  const [secret, setSecret] = useState<string | null>(null);
  const doing = useDoing();
  const submit = (event: Event) => {
    event.preventDefault();
    doing.run(async () => {
      const made = await call('createToken', { body: { name, role, days: days === '' ? null : Number(days) } });
      setSecret(made.secret);
      setName('');
      changed();
    });
  };
  return (
    <Card title="Make a token">
      <form class="form" onSubmit={submit}>
        <label class="field">
          <span>Name</span>
          <input
            required
            maxLength={64}
            autocomplete="off"
            placeholder="ci"
            value={name}
            onInput={(event) => setName(event.currentTarget.value)}
          />
        </label>
        <label class="field">
          <span>May</span>
          <select value={role} onChange={(event) => setRole(event.currentTarget.value as Role)}>
            <option value="read">read</option>
            <option value="deploy">read and deploy</option>
            <option value="admin">all, tokens as well</option>
          </select>
        </label>
        <label class="field">
          <span>Holds for</span>
          <select value={days} onChange={(event) => setDays(event.currentTarget.value)}>
            <option value="">until it is revoked</option>
            <option value="7">7 days</option>
            <option value="30">30 days</option>
            <option value="365">a year</option>
          </select>
        </label>
        {doing.failure !== null && <FailureNote failure={doing.failure} />}
        <Action route="createToken" kind="primary" label="Make" busy={doing.busy} submits />
      </form>
      {secret !== null && <Secret secret={secret} close={() => setSecret(null)} />}
    </Card>
  );
}

function Secret({ secret, close }: { readonly secret: string; readonly close: () => void }) {
  const copy = () =>
    void navigator.clipboard.writeText(secret).then(
      () => say('It is copied.'),
      () => say('The browser did not let it be copied: select it.'),
    );
  return (
    <Dialog title="The new token" close={close}>
      <p>It is shown this once. Keep it where you keep passwords.</p>
      <code class="command secret">{secret}</code>
      <footer class="dialog-foot">
        <button type="button" class="button" onClick={copy}>
          Copy
        </button>
        <button type="button" class="button primary" onClick={close}>
          I have it
        </button>
      </footer>
    </Dialog>
  );
}
