import assert from 'node:assert/strict';
import { chmodSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { systemClock } from '../../base/clock.ts';
import { UsageError } from '../../base/errors.ts';
import { project } from '../project.fixture.ts';
import type { Files } from '../project.fixture.ts';
import { makeOutput } from './build.ts';
import type { Made, MakeOptions } from './build.ts';

export const packageFile = (dependency: string, build = 'node build.mjs'): string =>
  JSON.stringify({ private: true, dependencies: { [dependency]: '*' }, scripts: { build } });

/** A project of Nuxt whose build writes what it found, and an output. */
export const nuxt = {
  'package.json': packageFile('nuxt'),
  'node_modules/nuxt/package.json': '{ "version": "4.5.2" }',
  'build.mjs': `
    import { mkdirSync, writeFileSync } from 'node:fs';
    import { env } from 'node:process';
    mkdirSync('.vercel/output/static', { recursive: true });
    writeFileSync('.vercel/output/static/environment.json', JSON.stringify(env));
    const routes = [{ handle: 'filesystem' }, { src: '/(.*)', dest: '/__fallback' }];
    writeFileSync('.vercel/output/config.json', JSON.stringify({ version: 3, routes }));
    console.log('built by itself');
  `,
};

interface Ran {
  readonly made: Made;
  readonly said: readonly string[];
  readonly printed: string;
}

/** `environment`: what builds find where a test does not say. */
export function building(environment: MakeOptions['environment']) {
  const make = async (dir: string, options: Partial<MakeOptions> = {}): Promise<Ran> => {
    const said: string[] = [];
    let printed = '';
    const made = await makeOutput(dir, {
      byVercel: false,
      cacheDir: join(dir, 'cache'),
      environment,
      clock: systemClock,
      say: (line) => void said.push(line),
      output: (text) => void (printed += text),
      ...options,
    });
    return { made, said, printed };
  };
  const refusal = (dir: string, pattern: RegExp, options: Partial<MakeOptions> = {}): Promise<void> =>
    assert.rejects(make(dir, options), (error: Error) => {
      assert.ok(error instanceof UsageError, error.stack);
      assert.match(error.message, pattern);
      return true;
    });
  return { make, refusal };
}

/** An npm that installs what `files` are, without asking anybody. */
export async function fakeNpm(files: Files): Promise<Record<string, string>> {
  const lines = Object.entries(files).map(
    ([path, text]) => `mkdir -p ${dirname(path)} && cat > ${path} <<'END'\n${text}\nEND\nchmod +x ${path}`,
  );
  const bin = await project({
    npm: `#!/bin/sh\nif [ "$1" = run ]; then sh -c "$FAKE_BUILD"; exit $?; fi\n${lines.join('\n')}\n`,
  });
  chmodSync(join(bin, 'npm'), 0o755);
  return { PATH: `${bin}:/usr/bin:/bin` };
}
