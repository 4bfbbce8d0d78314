import { useState } from 'preact/hooks';
import type { VariableResource } from '../../src/api/deployments.ts';
import type { Target } from '../../src/api/fields.ts';
import { call } from '../api.ts';
import { useAsked, useDoing } from '../asking.ts';
import { Action, Confirm } from '../parts/action.tsx';
import { say } from '../parts/announcer.tsx';
import { Badge, Card, Empty, FailureNote, Time, Waiting } from '../parts/basics.tsx';

export function Variables({ project }: { readonly project: string }) {
  const { data, failure, again } = useAsked('variables', { params: { project } });
  return (
    <div class="columns wide-left">
      <Card title="Variables" note="of deployments made from now on" class="flush">
        {failure !== null && <FailureNote failure={failure} again={again} />}
        {data === null && failure === null && <Waiting rows={4} />}
        {data !== null && <Rows project={project} items={data.items} changed={again} />}
      </Card>
      <Add project={project} changed={again} />
    </div>
  );
}

interface RowsProps {
  readonly project: string;
  readonly items: readonly VariableResource[];
  readonly changed: () => void;
}

function Rows({ project, items, changed }: RowsProps) {
  if (items.length === 0) {
    return (
      <Empty title="No variable is set." icon="settings">
        <p>Set one here, or by</p>
        <code class="command">weir env set NAME=VALUE</code>
      </Empty>
    );
  }
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Variables">
      <table>
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col">Value</th>
            <th scope="col">For</th>
            <th scope="col">Changed</th>
            <th scope="col">
              <span class="unseen">Remove</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {items.map((item) => (
            <tr key={`${item.name} ${item.targets.join()}`}>
              <th scope="row">
                <code>{item.name}</code>
              </th>
              <td class="value">{item.secret ? <Badge tone="calm">secret</Badge> : <code>{item.value}</code>}</td>
              <td>{item.targets.join(', ')}</td>
              <td>
                <Time ms={item.updatedMs} />
              </td>
              <td class="number">
                <Remove project={project} item={item} changed={changed} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Remove({
  project,
  item,
  changed,
}: {
  readonly project: string;
  readonly item: VariableResource;
  readonly changed: () => void;
}) {
  const target = item.targets.length === 1 ? item.targets[0] : undefined;
  const query = target === undefined ? {} : { target };
  return (
    <Confirm
      route="removeVariable"
      label="Remove"
      description={`Remove ${item.name}`}
      kind="danger"
      title={`Remove ${item.name}?`}
      confirm="Remove"
      done={`${item.name} is removed.`}
      run={() => call('removeVariable', { params: { project, name: item.name }, query }).then(changed)}
    >
      <p>Deployments made from now on go without it ({item.targets.join(', ')}). Those that there are keep it.</p>
    </Confirm>
  );
}

const scopes: Readonly<Record<string, readonly Target[]>> = {
  both: ['production', 'preview'],
  production: ['production'],
  preview: ['preview'],
};
const blank = { name: '', value: '', scope: 'both', secret: false };

function Add({ project, changed }: { readonly project: string; readonly changed: () => void }) {
  const [form, setForm] = useState(blank);
  const doing = useDoing();
  const submit = (event: Event) => {
    event.preventDefault();
    doing.run(async () => {
      const body = { value: form.value, secret: form.secret, targets: [...(scopes[form.scope] ?? [])] };
      await call('setVariable', { params: { project, name: form.name.trim() }, body });
      say(`${form.name.trim()} is set. Deploy again for it to be used.`);
      setForm(blank);
      changed();
    });
  };
  const set = (changes: Partial<typeof blank>) => setForm({ ...form, ...changes });
  return (
    <Card title="Set a variable">
      <form class="form" onSubmit={submit}>
        <label class="field">
          <span>Name</span>
          <input
            required
            pattern="[A-Za-z_][A-Za-z0-9_]*"
            spellcheck={false}
            autocomplete="off"
            placeholder="DATABASE_URL"
            value={form.name}
            onInput={(event) => set({ name: event.currentTarget.value })}
          />
        </label>
        <label class="field">
          <span>Value</span>
          <textarea
            rows={3}
            spellcheck={false}
            value={form.value}
            onInput={(event) => set({ value: event.currentTarget.value })}
          />
        </label>
        <label class="field">
          <span>For</span>
          <select value={form.scope} onChange={(event) => set({ scope: event.currentTarget.value })}>
            <option value="both">Production and preview</option>
            <option value="production">Production</option>
            <option value="preview">Preview</option>
          </select>
        </label>
        <label class="check">
          <input
            type="checkbox"
            checked={form.secret}
            onChange={(event) => set({ secret: event.currentTarget.checked })}
          />
          <span>Secret: its value is never shown again.</span>
        </label>
        {doing.failure !== null && <FailureNote failure={doing.failure} />}
        <Action route="setVariable" kind="primary" label="Set" busy={doing.busy} submits />
      </form>
    </Card>
  );
}
