import { systemClock } from '../base/clock.ts';
import { textLog } from '../base/log.ts';
import { seededRandom } from '../base/random.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { LiveProjects } from './live.ts';
import { host } from './project.fixture.ts';

/** A project that is watched, and what was published and logged so far. */
export async function live(dir: string, publishing: (version: number) => void = () => undefined) {
  const published: Snapshot[] = [];
  const lines: string[] = [];
  let look = (): void => undefined;
  const projects = new LiveProjects({
    target: 'preview',
    host,
    clock: systemClock,
    random: seededRandom(1),
    log: textLog((line) => {
      lines.push(line);
      look();
    }),
    environment: (deployment, { name }) => ({ WHERE: `${name} ${deployment}` }),
    settle: (deployment) => Promise.resolve(deployment),
    faults: ({ routing }) =>
      routing?.rules.some((rule) => 'src' in rule && rule.src === '^/wrong$') ? ['it is wrong'] : [],
    publish(snapshot) {
      publishing(snapshot.version);
      published.push(snapshot);
      look();
    },
  });
  await projects.add({ dir, name: 'p', hosts: [] });
  projects.publish();
  projects.watch();
  const until = (holds: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      // Watches alone do not keep a process.
      const alive = systemClock.after(120_000, () => undefined);
      look = () => {
        if (!holds()) return;
        alive.cancel();
        resolve();
      };
      look();
    });
  return { published, lines, until, projects };
}
