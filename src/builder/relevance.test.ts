import assert from 'node:assert/strict';
import { test } from 'node:test';
import { anyProgram, isRelevant, isWatched } from './relevance.ts';

test('Python: sources and what says which packages there are, not what is installed or compiled', () => {
  const reads = new Set(['app.py', 'more/base.txt']);
  const relevant = (path: string): boolean => isRelevant(path, 'change', reads);
  for (const path of [
    'app.py',
    'shop/views.py',
    'requirements.txt',
    'pyproject.toml',
    'uv.lock',
    'Pipfile.lock',
    '.python-version',
    'more/base.txt',
  ]) {
    assert.ok(relevant(path), path);
  }
  for (const path of [
    '.venv/lib/x.py',
    'venv/lib/x.py',
    '__pycache__/x.py',
    'shop/__pycache__/x.py',
    'db.sqlite3',
    'shop/pyproject.toml',
    'notes.txt',
    'main.go',
  ]) {
    assert.ok(!relevant(path), path);
  }
  for (const folder of ['.venv', 'venv', 'shop/__pycache__', 'node_modules']) assert.ok(!isWatched(folder), folder);
  for (const folder of ['shop', 'build', 'target']) assert.ok(isWatched(folder, reads), folder);
});

test('a program: whatever is written in any language, not what is made of it', () => {
  const reads = new Set([anyProgram]);
  const relevant = (path: string): boolean => isRelevant(path, 'change', reads);
  for (const path of [
    'main.go',
    'go.mod',
    'cmd/server/main.go',
    'src/main.rs',
    'Cargo.toml',
    'Makefile',
    'views/index.html',
    'weir.json',
  ]) {
    assert.ok(relevant(path), path);
  }
  for (const path of [
    'server',
    'target/debug/build/x.rs',
    'dist/index.html',
    'node_modules/x/main.go',
    '.git/x.go',
    'data.json',
    'app.log',
    'public/index.html',
  ]) {
    assert.ok(!relevant(path), path);
  }
  for (const folder of ['target', 'cmd/build', '.git']) assert.ok(!isWatched(folder, reads), folder);
  assert.ok(isWatched('cmd', reads));
});
