// Writes docs/reference/api.md: `node test/api/reference.ts > docs/reference/api.md`. A test holds the two together.
import { apiErrors } from '../../src/api/errors.ts';
import type { Route } from '../../src/api/route.ts';
import { routes } from '../../src/api/routes.ts';

const head = `# The HTTP API

What the command line and the dashboard use; nothing else exists. \`GET /v1/openapi.json\` is the same with every field (OpenAPI
3.1), made of the schemas that check what comes.

    curl -H "Authorization: Bearer $WEIR_TOKEN" http://127.0.0.1:3900/v1/projects

- **Tokens** are made by \`weir token create\` and have a role: \`read\`, \`deploy\` (which may read, too) or \`admin\`. The first one is
  shown when \`weir serve\` starts for the first time. They are kept as hashes.
- **Bodies** are JSON, but for files. What is unknown, too long or of another type is refused with its place.
- **Lists** have \`items\` and \`next\`; give \`next\` as \`cursor\` for what follows.
- **Times** are Unix milliseconds (\`…Ms\`). \`from\` and \`to\` take a span as well: \`15m\`, \`24h\`, \`30d\` before now.
- **Events** are server-sent; \`data\` is JSON. \`Last-Event-ID\` goes on where a stream of lines stopped.
- **Refusals** are \`{ "error": { "code", "message", "next", "issues" } }\`, with a code of the table below.

Uploading: \`POST /v1/projects/NAME/deployments\` says which files (path, SHA-256, bytes) and learns which are missing; each is put to
\`/v1/blobs/SHA256\`; \`POST /v1/deployments/ID/finish\` has it made, and its events tell how that goes.
`;

const titles: Readonly<Record<string, string>> = {
  platform: 'The platform',
  projects: 'Projects',
  deployments: 'Deployments',
  releases: 'Rolling releases',
  domains: 'Domains',
  environment: 'Environment',
  observability: 'What happens now',
  usage: 'Usage',
  logs: 'Logs and invocations',
  crons: 'Crons',
  tokens: 'Tokens',
};

export function apiReference(): string {
  const all: readonly Route[] = Object.values(routes);
  const parts = Object.entries(titles).map(([tag, title]) => {
    const rows = all.filter((route) => route.tag === tag).map(row);
    return `## ${title}\n\n| call | role | what it does | refused with |\n|---|---|---|---|\n${rows.join('\n')}\n`;
  });
  const codes = Object.entries(apiErrors).map(
    ([code, { status, message, next }]) => `| \`${code}\` | ${status} | ${message}${next === null ? '' : ` ${next}`} |`,
  );
  const errors = `## Refusals\n\n| code | status | what it means, and what to do |\n|---|---|---|\n${codes.join('\n')}\n`;
  return [head, ...parts, errors].join('\n');
}

function row({ method, path, role, summary, events, query, errors }: Route): string {
  const asked = query === undefined ? '' : ` (query: ${Object.keys(query.shape).join(', ')})`;
  const what = `${summary}${asked}${events === undefined ? '' : '. Events'}`;
  return `| \`${method} ${path}\` | ${role ?? 'none'} | ${what} | ${(errors ?? []).map((code) => `\`${code}\``).join(', ')} |`;
}

if (import.meta.main) process.stdout.write(apiReference());
