import type { ProjectResource } from '../../src/api/deployments.ts';
import { href } from '../address.ts';

/** One project of all that there are. */
export function ProjectTabs({
  page,
  projects,
  current,
}: {
  readonly page: string;
  readonly projects: readonly ProjectResource[];
  readonly current: string | undefined;
}) {
  return (
    <nav class="tabs" aria-label="Projects">
      {projects.map(({ name, release }) => (
        <a key={name} href={href([page, name])} aria-current={name === current ? 'page' : undefined}>
          {name}
          {release !== null && <i class="tab-dot" title="A rolling release is under way" />}
        </a>
      ))}
    </nav>
  );
}
