// The Python runtime's own tests (runtimes/python/tests), with a Python of this machine that is new enough.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('../../runtimes/python', import.meta.url));
const lowest = '(3, 11)';

/** The first that exists and is new enough; WEIR_PYTHON before all others. */
function findPython(): string | null {
  const named = process.env['WEIR_PYTHON'];
  const candidates = [named, 'python3', 'python3.14', 'python3.13', 'python3.12', 'python3.11'];
  for (const candidate of candidates) {
    if (candidate === undefined) continue;
    const found = spawnSync(candidate, ['-c', `import sys; sys.exit(sys.version_info < ${lowest})`], {
      stdio: 'ignore',
    });
    if (found.status === 0) return candidate;
  }
  return null;
}

test('the tests of the Python runtime', { timeout: 110_000 }, () => {
  const python = findPython();
  assert.ok(
    python !== null,
    'No Python 3.11 or later was found. Install one (apt install python3, brew install python, or python.org), or name it in WEIR_PYTHON.',
  );
  const run = spawnSync(python, ['-m', 'unittest', 'discover', '-t', '.', '-s', 'tests'], {
    cwd: folder,
    encoding: 'utf8',
  });
  assert.equal(run.status, 0, run.stderr.slice(-20_000));
});
