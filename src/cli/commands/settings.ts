import type { Command } from 'commander';
import { UsageError } from '../../base/errors.ts';
import type { Settings } from '../../api/platform.ts';
import { act, controlCommand } from '../control-command.ts';
import type { Cli, Job } from '../control-command.ts';
import { bytesText } from '../figures.ts';

/** What may be changed, as it is called here, and where it is in the API. */
const names = {
  'price.cpu-hour': ['prices', 'cpuPerHour'],
  'price.gb-hour': ['prices', 'memoryPerGbHour'],
  'price.million-invocations': ['prices', 'perMillionInvocations'],
  'price.wall-clock-gb-hour': ['prices', 'wallClockPerGbHour'],
  'keep.usage-days': ['retention', 'usageDays'],
  'keep.log-days': ['retention', 'logDays'],
  'keep.log-bytes': ['retention', 'logBytes'],
} as const;
type Name = keyof typeof names;

export function addSettings(program: Command, cli: Cli): void {
  controlCommand(program, 'settings', {
    summary: 'prices, and how long things are kept',
    description: 'Shows the settings of the control, or changes them: an admin’s token is needed for that.',
    examples: [
      ['settings', 'all of them, and what is on the disk'],
      ['settings price.cpu-hour=0.10 keep.log-days=14', 'change two'],
    ],
    more: `What may be changed: ${Object.keys(names).join(', ')}. Prices are US dollars.`,
  })
    .argument('[CHANGES...]', 'NAME=NUMBER')
    .action(
      act(cli, async (job, _options, ...given) => {
        // Of an argument that takes several, they come as one.
        const changes = given.flat();
        const settings =
          changes.length === 0
            ? await job.call('settings')
            : await job.call('changeSettings', { body: bodyOf(changes) });
        tell(job, settings);
      }),
    );
}

function bodyOf(changes: readonly string[]): Record<'prices' | 'retention', Record<string, number>> {
  const body = { prices: {} as Record<string, number>, retention: {} as Record<string, number> };
  for (const change of changes) {
    const [name = '', text = ''] = change.split('=');
    if (!Object.hasOwn(names, name))
      throw new UsageError(`${name} is no setting: ${Object.keys(names).join(', ')} are.`);
    const value = Number(text);
    if (text === '' || !Number.isFinite(value)) throw new UsageError(`${change}: NAME=NUMBER is expected.`);
    const [group, field] = names[name as Name];
    body[group][field] = value;
  }
  return body;
}

function tell({ output }: Job, settings: Settings): void {
  if (output.json) {
    output.document(settings);
    return;
  }
  const values: Readonly<Record<'prices' | 'retention', Readonly<Record<string, number>>>> = settings;
  output.table(
    [{ title: 'SETTING' }, { title: 'VALUE', align: 'right' }],
    Object.entries(names).map(([name, [group, field]]) => [name, String(values[group][field])]),
  );
  const { databaseBytes, blobBytes, deploymentBytes, logBytes } = settings.disk;
  output.note(
    `on the disk: database ${bytesText(databaseBytes)}, files ${bytesText(blobBytes)}, deployments ${bytesText(deploymentBytes)}, logs ${bytesText(logBytes)}`,
  );
}
