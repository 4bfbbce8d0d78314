// What V8's bytecode, made ahead, saves of a first request: to a function that requires one large module. BYTECODE_MODULE names
// another module (a path that require() takes): the server of Next.js, say.
import { mkdtempSync, rmSync } from 'node:fs';
import { get } from 'node:http';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { median, section } from './report.ts';
import type { Row, Section } from './report.ts';
import { weir } from './targets.ts';

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const moduleFile = process.env['BYTECODE_MODULE'] ?? createRequire(import.meta.url).resolve('@vercel/build-utils');

/** Answers with the CPU that loading the module took, milliseconds. */
const source = `
const before = process.cpuUsage();
require(${JSON.stringify(moduleFile)});
const { user, system } = process.cpuUsage(before);
module.exports = (req, res) => res.json((user + system) / 1000);`;

interface First {
  readonly tookMs: number;
  readonly loadCpuMs: number;
}

function first(url: string): Promise<First> {
  return new Promise((resolve, reject) => {
    const startedMs = performance.now();
    get(url, { agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('end', () => {
        if (response.statusCode !== 200) reject(new Error(`${url} answered ${response.statusCode}: ${text}`));
        else resolve({ tookMs: performance.now() - startedMs, loadCpuMs: Number(text) });
      });
    }).on('error', reject);
  });
}

async function measure(stems: boolean, made: boolean, count: number): Promise<Row> {
  const files: Record<string, string> = { 'package.json': '{}' };
  for (let index = 0; index < count; index += 1) files[`api/f${index}.js`] = source;
  // Of nobody else: what all instances share would have the module from an earlier run.
  const cacheDir = mkdtempSync(join(tmpdir(), 'weir-bench-cache-'));
  const environment = { XDG_CACHE_HOME: cacheDir, NODE_ENV: 'production' };
  const args = stems ? [] : ['--stems', '0'];
  const start = (name: string, asked: string, sources: Readonly<Record<string, string>>) =>
    weir({ name, args, files: sources, probe: '/_weir/status', environment: { ...environment, WEIR_BYTECODE: asked } });
  try {
    // Once, so that the bytecode of the runtime itself is there in any case.
    const before = await start('bytecode before', '0', {
      'package.json': '{}',
      'api/small.js': 'exports.GET = () => new Response("1");',
    });
    await first(`${before.origin}/api/small`);
    await before.stop();
    const target = await start(`bytecode ${stems} ${made}`, made ? '1' : '0', files);
    const all: First[] = [];
    try {
      for (let index = 0; index < count; index += 1) {
        // Long enough for the stems to be there again.
        await sleep(500);
        all.push(await first(`${target.origin}/api/f${index}`));
      }
    } finally {
      await target.stop();
    }
    const tookMs = all.map((each) => each.tookMs);
    return {
      'first request': `${stems ? 'with' : 'without'} a stem, ${made ? 'bytecode made ahead' : 'no bytecode'}`,
      'p50 ms': median(tookMs),
      'min ms': Math.min(...tookMs),
      'loading the module: p50 CPU ms': median(all.map(({ loadCpuMs }) => loadCpuMs)),
      samples: all.length,
    };
  } finally {
    rmSync(cacheDir, { recursive: true, force: true });
  }
}

export async function bytecode(count: number): Promise<Section[]> {
  const rows: Row[] = [];
  for (const stems of [true, false]) for (const made of [false, true]) rows.push(await measure(stems, made, count));
  return [
    section('Bytecode made ahead', rows, `The function requires ${moduleFile.replace(/^.*node_modules\//, '')}.`),
  ];
}
