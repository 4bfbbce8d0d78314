/** Entry of an instance: connects the core to the router and waits for the function it is to be. */
import * as fs from 'node:fs';
import { startCore } from '../../src/core/core.ts';
import type { LoadOrder } from '../../src/core/call.ts';
import { NodeRuntime } from './runtime.ts';
import { loadForBytecode } from './scratch.ts';

/** A stem that has waited so long is not about to be loaded: it may use the time. */
const idleMs = 30;

process.title = 'weir-instance';

const address = process.env['WEIR_ADDRESS'];
const sentinel = process.env['WEIR_SENTINEL'] !== '0';
const isScratch = process.env['WEIR_SCRATCH'] === '1';
/** For functions that have none of their own. */
const bytecodeDir = process.env['WEIR_BYTECODE_DIR'] ?? null;
for (const name of Object.keys(process.env)) if (name.startsWith('WEIR_')) delete process.env[name];
// Modules that do more than define a function can tell that nothing will be asked of them.
if (isScratch) process.env['WEIR_SCRATCH'] = '1';
// Node has read it; the programs that user code starts are not to write their bytecode where instances read theirs.
delete process.env['NODE_COMPILE_CACHE'];

// The provider writes it to stdin, where no process list and no child of user code can see it.
const token = fs.readFileSync(0, 'utf8').split('\n', 1)[0] ?? '';

// User code's view of it is replaced (console.ts), and there may be no tunnel to say it through.
const { writeSync } = fs;
const say = (line: string): void => void writeSync(2, `${line}\n`);

if (address === undefined || address === '' || token === '') {
  say('an instance is started by a Weir router: expected WEIR_ADDRESS in the environment and a token on stdin');
  process.exit(2);
}

// It takes no invocations, and dials nobody: what came in place of the token is what LOAD would say.
if (isScratch) await loadForBytecode(JSON.parse(token) as LoadOrder, say);

const runtime: NodeRuntime = new NodeRuntime(bytecodeDir, {
  background: (delta) => core.background(delta),
  log: (level, source, text, call) => core.log(level, source, text, call),
  currentCall: () => core.currentCall(),
  get services() {
    return core.services;
  },
  ask: (json, body) => core.ask(json, body),
  metric: (value, json) => core.metric(value, json),
});
const core = startCore({
  address,
  token,
  runtime,
  sentinel,
  sentinelFile: new URL('./sentinel.mjs', import.meta.url),
  log: say,
});
setTimeout(() => void runtime.warm(), idleMs).unref();
