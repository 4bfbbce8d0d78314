import assert from 'node:assert/strict';
import { test } from 'node:test';
import { looksLikeWeb, servedBy } from './source.ts';
import { tomlText } from './toml-text.ts';

test('what a file defines or imports in its first column', () => {
  for (const source of [
    'app = FastAPI()',
    'import x\napp: FastAPI = FastAPI(\n  title="(",\n)\n',
    'async def app(scope, receive, send):\n  pass',
    'def app(environ, start_response): return []',
    'class handler(BaseHTTPRequestHandler):\n    pass',
    'class Handler(BaseHTTPRequestHandler): pass',
    'application = get_wsgi_application()',
    'handler = Hello',
    'text = """\napp\n"""\napp = 1',
    "a = 'it''s'  # (\napp = 1",
    'x = \\\n  1\napp = 2',
  ]) {
    assert.equal(servedBy(source), 'defined', source);
  }
  for (const source of [
    'from pkg import app',
    'from pkg.main import (\n    other,  # why\n    server as app,\n)',
    'import pkg.application as app',
    'from .factory import application',
  ]) {
    assert.equal(servedBy(source), 'imported', source);
  }
  for (const source of [
    '',
    'app == 1',
    'app.run()',
    'apps = 1',
    'def make():\n    app = FastAPI()\n',
    'if __name__ == "__main__":\n    app = 1',
    '"""\napp = 1\n"""',
    '# app = 1',
    'x = [\napp := 1\n]',
    'handler = logging.StreamHandler()',
    'def handler(event, context): pass',
    'from pkg import app as other',
    '"unclosed\nx = """never\napp = 1',
  ]) {
    assert.equal(servedBy(source), null, source);
  }
});

test('a long file with odd quotes is read in time', () => {
  const source = `${'x = "\\\\" + \'a\' # "\n'.repeat(20_000)}${'"""'.repeat(1001)}\n${'('.repeat(50_000)}`;
  const startedMs = performance.now();
  servedBy(source);
  assert.ok(performance.now() - startedMs < 2_000);
});

test('what looks like the web', () => {
  assert.ok(looksLikeWeb('from fastapi import FastAPI'));
  assert.ok(looksLikeWeb('import flask'));
  assert.ok(looksLikeWeb('async def app(scope, receive, send): pass'));
  assert.ok(looksLikeWeb('from http.server import BaseHTTPRequestHandler'));
  assert.ok(!looksLikeWeb('import typer\napp = typer.Typer()'));
});

test('one text of a TOML file', () => {
  const text = `
[project]
name = "x"  # [tool.weir]
requires-python = '>=3.11'
dependencies = ["a"]

[ tool . weir ]
"entrypoint" = "pkg.main:app" # here

[[tool.weir.x]]
entrypoint = "no"
`;
  assert.equal(tomlText(text, 'tool.weir', 'entrypoint'), 'pkg.main:app');
  assert.equal(tomlText(text, 'project', 'requires-python'), '>=3.11');
  assert.equal(tomlText(text, 'project', 'dependencies'), null);
  assert.equal(tomlText(text, 'tool.vercel', 'entrypoint'), null);
});
