import type { Job } from '../control-command.ts';
import { failureOf } from '../failure.ts';
import { durationText } from '../figures.ts';
import { fail, ok, warn } from './check.ts';
import type { Finding } from './check.ts';

/** Clients and servers whose clocks differ by more disagree about what was when. */
const clockMs = 2_000;

/** The control that is meant: whether it answers, lets us in, and is of the same kind. */
export async function controlFindings(job: Job): Promise<Finding[]> {
  const { cli } = job;
  const findings: Finding[] = [];
  try {
    const control = await job.control();
    const { origin, source } = control.target;
    const by = { environment: 'by WEIR_URL', context: 'by weir login', local: 'on this machine' }[source.kind];
    const sentMs = cli.clock.wallMs();
    const response = await control.request('health', {});
    const receivedMs = cli.clock.wallMs();
    const { version } = (await response.json()) as { version: string };
    findings.push(ok('control', `${origin} (${by}) answers within ${durationText(receivedMs - sentMs)}`));
    findings.push(clock(response.headers.get('date'), (sentMs + receivedMs) / 2));
    findings.push(
      version === cli.version
        ? ok('versions', `${version} here and there`)
        : warn(
            'versions',
            `${cli.version} here, ${version} there`,
            'Install the same version on both: commands and answers may not fit.',
          ),
    );
    const { token, node, provider } = await control.call('me');
    findings.push(ok('token', `${token.name} (${token.role})`));
    findings.push(ok('its machine', `Node ${node.replace(/^v/, '')}; ${provider}`));
  } catch (error) {
    const failure = failureOf(error);
    if (failure === null) throw error;
    const { outcome, message, next } = failure;
    const check = outcome === 'notAllowed' ? 'token' : 'control';
    // Who has none yet has a machine to look at, and nothing wrong.
    findings.push(failure.code === 'NO_CONTROL' ? warn(check, message, next ?? '') : fail(check, message, next ?? ''));
  }
  return findings;
}

/** An HTTP date has whole seconds. */
function clock(date: string | null, nowMs: number): Finding {
  const theirsMs = Date.parse(date ?? '');
  if (Number.isNaN(theirsMs)) return ok('clock', 'the control does not say what time it has');
  const offMs = Math.max(0, Math.abs(theirsMs + 500 - nowMs) - 500);
  return offMs <= clockMs
    ? ok('clock', 'the control has the same time')
    : warn('clock', `the control’s clock is ${durationText(offMs)} off`, 'Let NTP set both: timedatectl set-ntp true');
}
