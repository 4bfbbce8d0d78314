// The FastAPI example: uvicorn (one worker, httptools), that behind nginx, and Weir; and what first answers cost.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { hasNginx, load } from './load.ts';
import { firstByte } from './next.ts';
import { compare, rows } from './paths.ts';
import type { Effort } from './paths.ts';
import { median, quantile, section } from './report.ts';
import type { Row, Section } from './report.ts';
import { nginx, server, weir, workDir } from './targets.ts';
import type { Target } from './targets.ts';

const example = (name: string): string => fileURLToPath(new URL(`../examples/${name}`, import.meta.url));

/** An environment of its own, in the bench's folder. */
function uvicornPython(): string {
  const dir = join(workDir, 'uvicorn');
  const python = join(dir, 'bin/python');
  if (!existsSync(join(dir, 'bin/uvicorn'))) {
    execFileSync('python3', ['-m', 'venv', dir], { stdio: 'inherit' });
    const packages = ['-r', join(example('fastapi'), 'requirements.txt'), 'uvicorn', 'httptools'];
    execFileSync(python, ['-m', 'pip', 'install', '-q', ...packages], { stdio: 'inherit' });
  }
  return python;
}

export async function fastapi(effort: Effort): Promise<Section[]> {
  const sections: Section[] = [];
  const started: Target[] = [];
  const dir = example('fastapi');
  try {
    const args = [
      uvicornPython(),
      '-m',
      'uvicorn',
      'main:app',
      '--port',
      '{port}',
      '--log-level',
      'warning',
      '--no-access-log',
    ];
    const own = await server('uvicorn', dir, args, '/');
    started.push(own);
    if (hasNginx) started.push(await nginx([own], 'nginx → uvicorn'));
    started.push(await weir({ name: 'Weir', dir }));
    // One process beside one process: what more of them bring is another question.
    started.push(await weir({ name: 'Weir, 1 instance', dir: oneInstance() }));
    for (const target of started) await load(target.origin, 64, 3);
    for (const connections of [1, 8, 64]) {
      const measured = await compare(started, '/', connections, effort);
      sections.push(section(`FastAPI: hello, ${connections} connections`, rows(started, measured)));
    }
  } finally {
    for (const target of started.toReversed()) await target.stop();
  }
  return sections;
}

/** `weir dev` takes its settings from the project. */
function oneInstance(): string {
  const dir = join(workDir, 'fastapi-one');
  const settings = JSON.stringify({ functions: { 'main.py': { maxInstances: 1 } } });
  rmSync(dir, { recursive: true, force: true });
  cpSync(example('fastapi'), dir, { recursive: true, filter: (path) => !/[/.]weir$|__pycache__/.test(path) });
  writeFileSync(join(dir, 'weir.json'), settings);
  return dir;
}

/** First answers of platforms that were just started: an ASGI function without packages, and FastAPI. */
export async function pythonCold(samples: number): Promise<Section[]> {
  const found: Row[] = [];
  for (const name of ['asgi', 'fastapi']) {
    for (const stems of [true, false]) {
      const tookMs: number[] = [];
      for (let sample = 0; sample < samples; sample += 1) tookMs.push(await coldStart(name, stems));
      found.push({
        'first request': `${name}, ${stems ? 'with' : 'without'} a stem`,
        'p50 ms': median(tookMs),
        'min ms': Math.min(...tookMs),
        'p90 ms': quantile(tookMs, 0.9),
        samples,
      });
    }
  }
  for (const code of ['pass', 'import asyncio', 'import fastapi']) found.push(await alone(code, samples));
  return [section('Python: cold starts', found, 'Beside them the interpreter alone, until it has ended.')];
}

async function coldStart(name: string, stems: boolean): Promise<number> {
  const args = stems ? [] : ['--stems', '0'];
  const target = await weir({ name: `python cold ${stems}`, dir: example(name), args, probe: '/_weir/status' });
  try {
    // Long enough for a stem to be there.
    await new Promise((resolve) => setTimeout(resolve, 1500));
    return await firstByte(`${target.origin}/`);
  } finally {
    await target.stop();
  }
}

async function alone(code: string, samples: number): Promise<Row> {
  const python = uvicornPython();
  const tookMs = Array.from({ length: samples }, () => {
    const fromMs = performance.now();
    execFileSync(python, ['-c', code]);
    return performance.now() - fromMs;
  });
  const least = Math.min(...tookMs);
  return {
    'first request': `python3 -c '${code}'`,
    'p50 ms': median(tookMs),
    'min ms': least,
    'p90 ms': quantile(tookMs, 0.9),
    samples,
  };
}
