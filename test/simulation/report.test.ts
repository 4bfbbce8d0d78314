import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Simulation } from '../../bench/simulation/engine.ts';
import { policies } from '../../bench/simulation/policies/catalogue.ts';
import { type Groups, pages } from '../../bench/simulation/report.ts';
import { drawing, escaped, label, linear, logarithmic } from '../../bench/simulation/svg.ts';
import { workloads } from '../../bench/simulation/workloads/catalogue.ts';

const noTrace = () => assert.fail('these workloads need no trace');

function someRuns(seed: number): Groups {
  return new Map(
    ['cpu', 'on-off'].map((name) => {
      const workload = workloads[name]!({ trace: noTrace, seed, quick: true });
      return [name, new Map(policies.map((kind) => [kind.name, new Simulation(workload, kind, seed).run()]))];
    }),
  );
}

/** What is not well-formed XML; null: it is. As much of XML as there is in a plot. */
function fault(text: string): string | null {
  const open: string[] = [];
  const token = /<(\/?)([a-zA-Z]+)((?:\s+[a-zA-Z][\w:-]*="[^"<]*")*)\s*(\/?)>|([^<]+)|(<)/gy;
  for (let match = token.exec(text); match !== null; match = token.exec(text)) {
    const [whole, closes, name, attributes, isEmpty, content] = match;
    if (/&(?!(?:amp|lt|gt|quot);)/.test(attributes ?? content ?? '')) return `a bare & in ${whole}`;
    if (content !== undefined) {
      if (open.length === 0 && content.trim() !== '') return `text outside: ${content}`;
      continue;
    }
    if (name === undefined) return `a bare < before ${text.slice(match.index, match.index + 40)}`;
    if (closes === '/') {
      if (open.pop() !== name) return `</${name}> closes another`;
    } else if (isEmpty === '') {
      open.push(name);
    }
    if (token.lastIndex === text.length) break;
  }
  return open.length === 0 ? null : `<${open.at(-1)}> is left open`;
}

test('the checker of plots finds what is wrong', () => {
  assert.equal(fault('<svg a="1"><text>x &amp; y</text><path d="M0 0"/></svg>\n'), null);
  for (const wrong of [
    '<svg><text></svg>',
    '<svg>a & b</svg>',
    '<svg a=1></svg>',
    '<svg>a < b</svg>',
    '<svg>',
    '<svg/>x',
  ]) {
    assert.notEqual(fault(wrong), null, wrong);
  }
});

test('plots are well-formed, have a title, a description, and no figure that is none', () => {
  const files = pages(someRuns(1), 1);
  const plots = [...files].filter(([path]) => path.endsWith('.svg'));
  assert.deepEqual(
    plots.map(([path]) => path),
    ['gb-hours', 'cpu-latency', 'cpu-instances', 'on-off-latency', 'on-off-instances'].map(
      (name) => `scheduling/${name}.svg`,
    ),
  );
  for (const [path, text] of plots) {
    assert.equal(fault(text), null, path);
    assert.match(text, /<title id="title">\S[^<]*<\/title>\n<desc id="description">\S[^<]*<\/desc>/);
    assert.ok(text.includes('prefers-color-scheme'));
    assert.ok(!/NaN|undefined|Infinity/.test(text), path);
  }
});

test('every plot is on the page, and the same seed gives the same page', () => {
  const first = pages(someRuns(3), 3);
  const page = first.get('scheduling.md')!;
  for (const path of first.keys()) if (path.endsWith('.svg')) assert.ok(page.includes(`](${path})`), path);
  assert.ok(!/NaN|undefined/.test(page));
  assert.deepEqual(pages(someRuns(3), 3), first);
});

test('text in plots stands for itself', () => {
  assert.equal(escaped('a < b & "c" > d'), 'a &lt; b &amp; &quot;c&quot; &gt; d');
  const text = drawing({
    width: 10,
    height: 10,
    title: '<&>',
    description: '"',
    styles: [],
    body: [label('<x>', 1, 2)],
  });
  assert.equal(fault(text), null);
});

test('axes end at round figures', () => {
  const texts = (axis: { readonly ticks: readonly { readonly text: string }[] }): string =>
    axis.ticks.map(({ text }) => text).join(' ');
  assert.equal(texts(linear('', 100)), '0 20 40 60 80 100');
  assert.equal(texts(linear('', 10.2)), '0 2 4 6 8 10 12');
  assert.equal(texts(linear('', 0.3)), '0 0.05 0.1 0.15 0.2 0.25 0.3');
  assert.equal(texts(logarithmic('', 1, 800)), '1 10 100 1000');
  assert.equal(texts(logarithmic('', 1, 8)), '1 2 5 10');
  assert.equal(texts(logarithmic('', 30, 99)), '20 50 100');
  const axis = logarithmic('', 1, 1000);
  assert.ok(Math.abs(axis.place(10) - 1 / 3) < 1e-9);
  assert.equal(axis.place(0), 0);
  assert.equal(axis.place(1000), 1);
});
