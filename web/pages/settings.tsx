import { goTo, href } from '../address.ts';
import type { Address } from '../address.ts';
import { useAsked } from '../asking.ts';
import { bytes, money } from '../format.ts';
import { Card, Command, Empty, Facts, FailureNote, PageHead, Select, Time, Waiting } from '../parts/basics.tsx';
import { session, whyNot } from '../session.ts';
import { useStore } from '../store.ts';
import { Domains } from './settings-domains.tsx';
import { Tokens } from './settings-tokens.tsx';
import { Variables } from './settings-variables.tsx';

const tabs = [
  ['environment', 'Environment'],
  ['domains', 'Domains'],
  ['tokens', 'Tokens'],
  ['platform', 'Platform'],
] as const;

export function SettingsPage({
  address,
  project: name,
}: {
  readonly address: Address;
  readonly project: string | null;
}) {
  const tab = tabs.find(([key]) => key === address.query['tab'])?.[0] ?? 'environment';
  return (
    <>
      <PageHead title="Settings" />
      <nav class="tabs" aria-label="Settings">
        {tabs.map(([key, title]) => (
          <a
            key={key}
            href={href(['settings', ...(name === null ? [] : [name])], { tab: key })}
            aria-current={key === tab ? 'page' : undefined}
          >
            {title}
          </a>
        ))}
      </nav>
      {tab === 'tokens' && <Tokens />}
      {tab === 'platform' && <Platform />}
      {(tab === 'environment' || tab === 'domains') && <OfProject tab={tab} name={name} />}
    </>
  );
}

function OfProject({ tab, name }: { readonly tab: 'environment' | 'domains'; readonly name: string | null }) {
  const projects = useAsked('projects', {});
  if (projects.failure !== null) return <FailureNote failure={projects.failure} again={projects.again} />;
  if (projects.data === null) return <Waiting rows={6} />;
  const all = projects.data.items;
  const project = all.find((item) => item.name === name) ?? all[0];
  if (project === undefined) {
    return (
      <Card>
        <Empty title="There is no project yet." icon="settings">
          <p>In the directory of one:</p>
          <Command>weir deploy</Command>
        </Empty>
      </Card>
    );
  }
  return (
    <>
      <div class="tools of-project">
        <Select
          label="Project"
          choices={all.map(({ name }) => ({ value: name, label: name }))}
          value={project.name}
          onChoose={(chosen) => goTo(['settings', chosen], { tab })}
        />
      </div>
      {tab === 'environment' ? (
        <Variables key={project.name} project={project.name} />
      ) : (
        <Domains key={project.name} project={project.name} />
      )}
    </>
  );
}

function Platform() {
  const { me } = useStore(session);
  const settings = useAsked('settings', {});
  if (settings.failure !== null) return <FailureNote failure={settings.failure} again={settings.again} />;
  if (settings.data === null) return <Waiting rows={6} />;
  const { prices, retention, disk } = settings.data;
  return (
    <>
      <div class="grid three">
        <Card title="Prices">
          <Facts
            items={[
              ['Active CPU', `${money(prices.cpuPerHour)} an hour`],
              ['Memory while there is work', `${money(prices.memoryPerGbHour)} a GB-hour`],
              ['Invocations', `${money(prices.perMillionInvocations)} a million`],
              ['One per instance, compared with', `${money(prices.wallClockPerGbHour)} a GB-hour of wall clock`],
            ]}
          />
        </Card>
        <Card title="Kept">
          <Facts
            items={[
              ['Usage', `${retention.usageDays} days`],
              ['Logs and invocations', `${retention.logDays} days, ${bytes(retention.logBytes)} at most`],
            ]}
          />
        </Card>
        <Card title="Disk">
          <Facts
            items={[
              ['Deployments', bytes(disk.deploymentBytes)],
              ['Uploaded files', bytes(disk.blobBytes)],
              ['Logs', bytes(disk.logBytes)],
              ['Database', bytes(disk.databaseBytes)],
            ]}
          />
        </Card>
      </div>
      <Card title="This machine">
        <Facts
          items={[
            ['Weir', me?.version ?? '–'],
            ['Node', me?.node ?? '–'],
            [
              'Deployments are found at',
              me === null ? '–' : `${me.edge.scheme}://NAME.${me.edge.domain}:${me.edge.port}`,
            ],
            ['Instances', me?.provider ?? '–'],
          ]}
        />
      </Card>
      {whyNot('admin') === '' && <Audit />}
    </>
  );
}

function Audit() {
  const audit = useAsked('audit', { query: { limit: 30 } });
  return (
    <Card title="Audit" note="who changed what" class="flush">
      {audit.failure !== null && <FailureNote failure={audit.failure} again={audit.again} />}
      {audit.data === null ? (
        <Waiting rows={6} />
      ) : audit.data.items.length === 0 ? (
        <Empty title="Nothing was changed yet." icon="settings">
          <p>Deployments, promotions, variables and tokens are noted here.</p>
        </Empty>
      ) : (
        <div class="scroll" tabIndex={0} role="region" aria-label="Audit">
          <table>
            <thead>
              <tr>
                <th scope="col">When</th>
                <th scope="col">Who</th>
                <th scope="col">What</th>
                <th scope="col">Of</th>
              </tr>
            </thead>
            <tbody>
              {audit.data.items.map((entry) => (
                <tr key={entry.id}>
                  <td>
                    <Time ms={entry.atMs} />
                  </td>
                  <td>{entry.actor}</td>
                  <td>
                    <code>{entry.action}</code>
                  </td>
                  <td>{[entry.project, entry.subject, entry.detail].filter((part) => part !== null).join(' · ')}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Card>
  );
}
