import { useState } from 'preact/hooks';
import type { DomainResource } from '../../src/api/deployments.ts';
import type { Target } from '../../src/api/fields.ts';
import { call } from '../api.ts';
import { useAsked, useDoing } from '../asking.ts';
import { Action, Confirm } from '../parts/action.tsx';
import { say } from '../parts/announcer.tsx';
import { Badge, Card, FailureNote, Time, Waiting } from '../parts/basics.tsx';

export function Domains({ project }: { readonly project: string }) {
  const { data, failure, again } = useAsked('domains', { query: { project } });
  return (
    <div class="columns wide-left">
      <Card title="Domains" class="flush">
        {failure !== null && <FailureNote failure={failure} again={again} />}
        {data === null && failure === null && <Waiting rows={4} />}
        {data !== null && (
          <div class="scroll" tabIndex={0} role="region" aria-label="Domains">
            <table>
              <thead>
                <tr>
                  <th scope="col">Host name</th>
                  <th scope="col">Leads to</th>
                  <th scope="col">Since</th>
                  <th scope="col">
                    <span class="unseen">Remove</span>
                  </th>
                </tr>
              </thead>
              <tbody>
                {data.items.map((item) => (
                  <Row key={item.host} item={item} changed={again} />
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Card>
      <Add project={project} changed={again} />
    </div>
  );
}

function Row({ item, changed }: { readonly item: DomainResource; readonly changed: () => void }) {
  return (
    <tr>
      <th scope="row">{item.host}</th>
      <td>{item.target === 'production' ? 'what is live' : 'the newest preview'}</td>
      <td>
        <Time ms={item.createdMs} />
      </td>
      <td class="number">
        {item.isOwn ? (
          <Badge>its own</Badge>
        ) : (
          <Confirm
            route="removeDomain"
            label="Remove"
            description={`Remove ${item.host}`}
            kind="danger"
            title={`Remove ${item.host}?`}
            confirm="Remove"
            done={`${item.host} is removed.`}
            run={() => call('removeDomain', { params: { project: item.project, host: item.host } }).then(changed)}
          >
            <p>
              Clients that ask for <b>{item.host}</b> find nothing from then on.
            </p>
          </Confirm>
        )}
      </td>
    </tr>
  );
}

function Add({ project, changed }: { readonly project: string; readonly changed: () => void }) {
  const [host, setHost] = useState('');
  const [target, setTarget] = useState<Target>('production');
  const doing = useDoing();
  const submit = (event: Event) => {
    event.preventDefault();
    doing.run(async () => {
      await call('addDomain', { params: { project }, body: { host: host.trim().toLowerCase(), target } });
      say(`${host.trim()} leads to ${project}.`);
      setHost('');
      changed();
    });
  };
  return (
    <Card title="Add a domain">
      <form class="form" onSubmit={submit}>
        <label class="field">
          <span>Host name</span>
          <input
            required
            spellcheck={false}
            autocomplete="off"
            placeholder="shop.example.com"
            value={host}
            onInput={(event) => setHost(event.currentTarget.value)}
          />
        </label>
        <label class="field">
          <span>Leads to</span>
          <select value={target} onChange={(event) => setTarget(event.currentTarget.value as Target)}>
            <option value="production">What is live</option>
            <option value="preview">The newest preview</option>
          </select>
        </label>
        <p class="note">Its DNS has to lead to this machine.</p>
        {doing.failure !== null && <FailureNote failure={doing.failure} />}
        <Action route="addDomain" kind="primary" label="Add" busy={doing.busy} submits />
      </form>
    </Card>
  );
}
