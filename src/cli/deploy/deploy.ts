import { createHash } from 'node:crypto';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { ApiError } from '../../api/errors.ts';
import type { DeploymentResource } from '../../api/deployments.ts';
import { projectName as validName } from '../../api/fields.ts';
import { UsageError } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';
import { gitFacts } from '../../builder/git.ts';
import { projectName } from '../../builder/project.ts';
import { collect } from '../../builder/upload/collect.ts';
import type { Collected } from '../../builder/upload/collect.ts';
import { hashFiles } from '../../builder/upload/hashes.ts';
import type { HashedFile } from '../../builder/upload/hashes.ts';
import type { Control } from '../connection/control.ts';
import type { Job } from '../control-command.ts';
import { Failure } from '../failure.ts';
import { bytesText, counted, durationText } from '../figures.ts';
import { bold, dim, painted } from '../painted.ts';
import { stateDirectory } from '../../base/user-directories.ts';
import { followDeployment } from './follow.ts';
import { Progress } from './progress.ts';
import { retrying } from './retrying.ts';
import { uploadFiles } from './upload.ts';

export interface DeployOptions {
  readonly prod?: boolean;
  readonly promote: boolean;
  readonly project?: string;
}

/** Everything from a directory to a deployment that is served. Throws a Failure when it is not. */
export async function deploy(job: Job, options: DeployOptions, dir: string): Promise<void> {
  const { output, cli } = job;
  const startedMs = cli.clock.nowMs();
  const name = options.project ?? (await projectName(dir));
  if (!validName.safeParse(name).success) {
    throw new UsageError(
      `${name}: lower-case letters, digits and inner hyphens, 48 at most, are a project's name: say one by --project`,
    );
  }
  const control = await job.control();
  // Before anything is read of a large project.
  await control.call('me');
  const [collected, git] = await Promise.all([collect(dir), gitFacts(dir)]);
  for (const warning of collected.warnings) output.warn(warning);
  const files = await hashed(job, collected);
  const target = options.prod === true ? 'production' : 'preview';
  const { deployment, missing } = await control.call('createDeployment', {
    params: { project: name },
    body: {
      target,
      promote: options.promote,
      directory: collected.directory,
      git,
      files: files.map(({ path, sha256, bytes, executable }) => ({ path, sha256, bytes, executable })),
      links: [...collected.links],
    },
  });
  const uploaded = await uploadMissing(job, control, { deployment, files, missing });
  output.note(dim(`making ${deployment.id}`));
  const made = await making(job, control, deployment.id);
  await tell(job, made, { uploaded, tookMs: cli.clock.nowMs() - startedMs });
}

function hashed({ cli, signal }: Job, { root, directory, files }: Collected): Promise<HashedFile[]> {
  const name = createHash('sha256').update(join(root, directory)).digest('hex').slice(0, 32);
  const cacheFile = join(stateDirectory(cli.environment, homedir()), 'cli', 'hashes', `${name}.json`);
  return hashFiles(files, { cacheFile, clock: cli.clock, signal });
}

interface Begun {
  readonly deployment: DeploymentResource;
  readonly files: readonly HashedFile[];
  readonly missing: readonly string[];
}
interface Uploaded {
  readonly files: number;
  readonly bytes: number;
}

async function uploadMissing(job: Job, control: Control, { deployment, files, missing }: Begun): Promise<Uploaded> {
  const { output, cli, signal } = job;
  const byHash = new Map(files.map((file) => [file.sha256, file]));
  const wanted = missing.map((sha256) => byHash.get(sha256)!);
  const size = (list: readonly HashedFile[]): number => list.reduce((sum, { bytes }) => sum + bytes, 0);
  const what = { files: wanted.length, bytes: size(wanted) };
  const all = `${counted(files.length, 'file')}, ${bytesText(size(files))}`;
  output.note(
    wanted.length === 0
      ? `${all}: all of them are there already`
      : `uploading ${what.files} of ${all}: ${bytesText(what.bytes)}`,
  );
  const progress = new Progress(what, output, cli.streams.err, cli.clock);
  try {
    // The largest first: nobody waits for one of them alone at the end.
    await uploadFiles(
      wanted.toSorted((a, b) => b.bytes - a.bytes),
      { control, progress, signal },
    );
    progress.end();
    await finish(control, deployment.id, signal);
  } catch (error) {
    progress.end();
    await abandon(control, deployment.id);
    if (!signal.aborted) throw error;
    throw new Failure(
      'interrupted',
      'INTERRUPTED',
      'interrupted: nothing was deployed',
      'What was uploaded is kept: the same command goes on where it stopped.',
    );
  }
  return what;
}

/** Asked for twice, the control is at it already. */
async function finish(control: Control, id: string, signal: AbortSignal): Promise<void> {
  await retrying(async (count) => {
    await control.call('finishDeployment', { params: { id } }).catch((error: unknown) => {
      if (count === 1 || !(error instanceof ApiError) || error.code !== 'WRONG_STATE') throw error;
    });
  }, signal);
}

/** A deployment that lacks files would lie around; whether it can be taken away is not what matters now. */
async function abandon(control: Control, id: string): Promise<void> {
  const signal = AbortSignal.timeout(limits.uploadAbandonMs);
  await control.call('deleteDeployment', { params: { id }, signal }).catch(() => undefined);
}

async function making({ output, signal }: Job, control: Control, id: string): Promise<DeploymentResource> {
  try {
    return await followDeployment(
      control,
      id,
      ({ level, text }) => {
        const look = { info: 'dim', warn: 'yellow', error: 'red' } as const;
        output.note('  ', painted(text, look[level]));
      },
      signal,
    );
  } catch (error) {
    if (!signal.aborted) throw error;
    const next = `It is made without you: \`weir inspect ${id}\` says how it is.`;
    throw new Failure('interrupted', 'INTERRUPTED', `interrupted: ${id} has been uploaded`, next);
  }
}

interface Done {
  readonly uploaded: Uploaded;
  readonly tookMs: number;
}

async function tell(job: Job, made: DeploymentResource, { uploaded, tookMs }: Done): Promise<void> {
  const { output } = job;
  if (made.state !== 'ready') {
    const next = `\`weir inspect ${made.id}\` has what is known of it. What is live has not changed.`;
    throw new Failure(
      'failed',
      'DEPLOYMENT_FAILED',
      `${made.id} ${made.state}: ${made.error ?? 'no reason is known'}`,
      next,
    );
  }
  const live = made.isLive ? (await job.call('project', { params: { project: made.project } })).liveUrl : null;
  if (output.json) {
    output.document({ deployment: made, liveUrl: live, uploaded, tookMs: Math.round(tookMs) });
    return;
  }
  output.note(painted('ready', 'green'), ` in ${durationText(tookMs)}: ${made.id}, ${made.target}`);
  output.say(made.url);
  if (live !== null) output.note('live  ', bold(live));
  else if (made.target === 'production')
    output.note(`not live: \`weir promote ${made.id}\` leads production domains to it`);
  else output.note(dim(`weir promote ${made.id}   makes it production`));
}
