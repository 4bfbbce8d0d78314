import type { DeploymentResource, ProjectResource } from '../../src/api/deployments.ts';
import { replaceQuery } from '../address.ts';
import type { Address } from '../address.ts';
import { call } from '../api.ts';
import { useAsked } from '../asking.ts';
import { bytes, duration, plural, shortId } from '../format.ts';
import { Confirm } from '../parts/action.tsx';
import { Badge, Card, Choices, Command, Empty, FailureNote, PageHead, Time, Waiting } from '../parts/basics.tsx';
import type { Tone } from '../parts/basics.tsx';
import { BuildLog } from '../parts/build-log.tsx';
import { CronsCard } from '../parts/crons-card.tsx';
import { ProjectTabs } from '../parts/project-tabs.tsx';
import { ReleaseCard } from '../parts/release-card.tsx';

const targets = [
  { value: '', label: 'All' },
  { value: 'production', label: 'Production' },
  { value: 'preview', label: 'Preview' },
] as const;

export function Deployments({
  address,
  project: name,
}: {
  readonly address: Address;
  readonly project: string | null;
}) {
  const projects = useAsked('projects', {}, 4000);
  const all = projects.data?.items;
  const project = all?.find((item) => item.name === name) ?? all?.[0];
  return (
    <>
      <PageHead title="Deployments" note={project === undefined ? undefined : <ProjectLine project={project} />}>
        {project !== undefined && <Rollback project={project} done={projects.again} />}
      </PageHead>
      {projects.failure !== null && <FailureNote failure={projects.failure} again={projects.again} />}
      {all === undefined && projects.failure === null && <Waiting rows={8} />}
      {all !== undefined && all.length > 0 && <ProjectTabs page="deployments" projects={all} current={project?.name} />}
      {project !== undefined && (
        <List key={project.name} address={address} project={project} changed={projects.again} />
      )}
      {all?.length === 0 && (
        <Card>
          <Empty title="There is no project yet." icon="deployments">
            <p>In the directory of one, this makes it, and its first deployment:</p>
            <Command>weir deploy --prod</Command>
          </Empty>
        </Card>
      )}
    </>
  );
}

function ProjectLine({ project }: { readonly project: ProjectResource }) {
  return (
    <>
      {project.liveUrl === null ? (
        'Nothing is live.'
      ) : (
        <a href={project.liveUrl} target="_blank" rel="noreferrer">
          {project.liveUrl.replace(/\/$/, '')}
        </a>
      )}
      {!project.autoPromote && ' · new production deployments wait to be promoted, since there was a rollback'}
    </>
  );
}

function Rollback({ project, done }: { readonly project: ProjectResource; readonly done: () => void }) {
  const { previous } = project;
  if (previous === null) return null;
  return (
    <Confirm
      route="rollback"
      label="Roll back"
      kind="danger"
      title={`Roll ${project.name} back?`}
      confirm="Roll back"
      done={`${project.name} is back at ${previous}.`}
      run={async () => {
        await call('rollback', { params: { project: project.name }, body: {} });
        done();
      }}
    >
      <p>
        Production domains lead to <code>{previous}</code> again. Nothing is built; invocations under way end where they
        are. New production deployments then wait until one is promoted.
      </p>
    </Confirm>
  );
}

interface ListProps {
  readonly address: Address;
  readonly project: ProjectResource;
  readonly changed: () => void;
}

function List({ address, project, changed }: ListProps) {
  const target = targets.find(({ value }) => value === address.query['target'])?.value ?? '';
  const query = { limit: 50, ...(target !== '' && { target }) };
  const asked = useAsked('deployments', { params: { project: project.name }, query }, 4000);
  const reload = () => {
    changed();
    asked.again();
  };
  return (
    <>
      {project.release !== null && <ReleaseCard release={project.release} changed={reload} />}
      <Card
        title="History"
        note={plural(project.deployments, 'deployment')}
        class="flush"
        aside={
          <Choices
            label="Target"
            choices={targets}
            value={target}
            onChoose={(value) => replaceQuery(address, { target: value })}
          />
        }
      >
        {asked.failure !== null && <FailureNote failure={asked.failure} again={asked.again} />}
        {asked.data === null ? <Waiting rows={8} /> : <Rows items={asked.data.items} changed={reload} />}
      </Card>
      <CronsCard project={project.name} />
    </>
  );
}

function Rows({ items, changed }: { readonly items: readonly DeploymentResource[]; readonly changed: () => void }) {
  if (items.length === 0) {
    return (
      <Empty title="No deployment is like that." icon="deployments">
        <Command>weir deploy</Command>
      </Empty>
    );
  }
  return (
    <ul class="deployments">
      {items.map((item) => (
        <Deployment key={item.id} item={item} changed={changed} />
      ))}
    </ul>
  );
}

const tones: Readonly<Record<DeploymentResource['state'], Tone>> = {
  uploading: 'calm',
  building: 'calm',
  ready: 'plain',
  failed: 'bad',
  deleted: 'plain',
};

function Deployment({ item, changed }: { readonly item: DeploymentResource; readonly changed: () => void }) {
  const isMade = item.state === 'building' || item.state === 'uploading';
  return (
    <li class={item.isLive ? 'deployment live' : 'deployment'}>
      <div class="deployment-what">
        <p class="deployment-title">
          {item.git?.message?.split('\n')[0] ?? `${plural(item.files, 'file')}, ${bytes(item.bytes)}`}
        </p>
        <p class="note">
          <code>{item.id}</code>
          {item.git !== null && (
            <>
              {' '}
              · {item.git.branch} <code>{item.git.commit?.slice(0, 7)}</code>
              {item.git.dirty && ' with changes'}
            </>
          )}{' '}
          · {item.creator}, <Time ms={item.createdMs} />
          {item.readyMs !== null && ` · made in ${duration(item.readyMs - item.createdMs)}`}
        </p>
        {item.error !== null && <p class="deployment-error">{item.error}</p>}
      </div>
      <div class="deployment-state">
        {item.isLive ? <Badge tone="good">live</Badge> : <Badge tone={tones[item.state]}>{item.state}</Badge>}{' '}
        <Badge>{item.target}</Badge>
      </div>
      <Tools item={item} changed={changed} />
      {isMade && <BuildLog id={item.id} ended={changed} />}
    </li>
  );
}

function Tools({ item, changed }: { readonly item: DeploymentResource; readonly changed: () => void }) {
  const params = { id: item.id };
  const then = (work: Promise<unknown>) => work.then(changed);
  return (
    <div class="deployment-tools">
      {item.state === 'ready' && (
        <a class="button" href={item.url} target="_blank" rel="noreferrer" aria-label={`Visit ${item.id}`}>
          Visit
        </a>
      )}
      {item.state === 'ready' && !item.isLive && <Promote item={item} run={() => then(call('promote', { params }))} />}
      {!item.isLive && item.state !== 'deleted' && item.state !== 'building' && (
        <Confirm
          route="deleteDeployment"
          label="Delete"
          description={`Delete ${item.id}`}
          kind="danger"
          title="Delete this deployment?"
          confirm="Delete"
          done={`${item.id} is deleted.`}
          run={() => then(call('deleteDeployment', { params }))}
        >
          <p>
            <code>{item.id}</code> and its files go away; its URL answers no more. This cannot be undone.
          </p>
        </Confirm>
      )}
    </div>
  );
}

function Promote({ item, run }: { readonly item: DeploymentResource; readonly run: () => Promise<unknown> }) {
  const isBack = item.wasLive;
  return (
    <Confirm
      route="promote"
      label={isBack ? 'Promote again' : 'Promote'}
      description={`${isBack ? 'Promote again' : 'Promote'} ${item.id}`}
      title={isBack ? 'Promote this deployment again?' : 'Promote this deployment?'}
      confirm="Promote"
      done={`${item.id} is being promoted.`}
      run={run}
    >
      <p>
        Production domains of <b>{item.project}</b> lead to <code>{shortId(item.id)}</code> from the next request on.
      </p>
      {item.target === 'preview' && (
        <p>It is a preview: a production deployment is made of its files first, with production variables.</p>
      )}
    </Confirm>
  );
}
