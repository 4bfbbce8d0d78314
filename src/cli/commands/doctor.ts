import type { Command } from 'commander';
import { act, controlCommand } from '../control-command.ts';
import type { Cli, Job } from '../control-command.ts';
import type { Finding } from '../doctor/check.ts';
import { exitCodes } from '../exit-codes.ts';
import { painted } from '../painted.ts';

export function addDoctor(program: Command, cli: Cli): void {
  controlCommand(program, 'doctor', {
    summary: 'what is right and wrong with this machine and the control',
    description:
      'Looks at this machine (Node, cgroup, open files, memory, disk, port, Pythons, toolchains) and at the control (reachable, ' +
      'token, versions, clock). A line each: ok, warn or fail, with the next step. Exits with 1 when one fails.',
    examples: [
      ['doctor', 'all checks'],
      ['doctor --json | jq \'.findings[] | select(.verdict != "ok")\'', 'what is not as it should be'],
    ],
  }).action(act(cli, doctor));
}

const looks = { ok: 'green', warn: 'yellow', fail: 'red' } as const;

async function doctor(job: Job): Promise<void> {
  const { output, cli } = job;
  const [{ machineFindings }, { controlFindings }] = await Promise.all([
    import('../doctor/machine.ts'),
    import('../doctor/control.ts'),
  ]);
  const [machine, control] = await Promise.all([machineFindings(cli.environment), controlFindings(job)]);
  const findings = [...machine, ...control];
  const failed = findings.some(({ verdict }) => verdict === 'fail');
  if (output.json) output.document({ findings });
  else for (const finding of findings) tell(finding, job);
  if (failed) process.exitCode = exitCodes.failed.code;
}

function tell({ check, verdict, text, next }: Finding, { output }: Job): void {
  if (output.quiet && verdict === 'ok') return;
  output.say(painted(verdict.padEnd(4), looks[verdict]), `  ${check.padEnd(12)}${text}`);
  if (next !== null && next !== '') output.say(`${' '.repeat(18)}${next}`);
}
