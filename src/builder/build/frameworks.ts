/** How a build output is made of a project. */
type Recipe =
  /** `next build` with the hosted platform's adapter, where Next has adapters; else `vercel build`. */
  | 'next'
  /** The project's own build, whose adapter or preset is told where it builds. */
  | 'own'
  /** The hosted platform's command has what turns the project's build into an output. */
  | 'vercel'
  /** A server that runs as it is. */
  | 'none';

export interface Framework {
  /** The hosted platform's name for it: `framework` in vercel.json. */
  readonly slug: string;
  readonly name: string;
  /** The package that a project of it depends on. */
  readonly dependency: string;
  readonly recipe: Recipe;
  /** What builds a project that has no build script. */
  readonly command: string;
  /** What makes the project's build choose the output that is wanted, besides `VERCEL`. */
  readonly environment: Readonly<Record<string, string>>;
  /** What the project has to use for its own build to make an output; null: nothing. */
  readonly adapter: string | null;
}

const nitroPreset = { NITRO_PRESET: 'vercel', SERVER_PRESET: 'vercel' };

const framework = (
  [slug, name, dependency]: readonly [string, string, string],
  recipe: Recipe,
  rest: Partial<Framework> = {},
): Framework => ({ slug, name, dependency, recipe, command: '', environment: {}, adapter: null, ...rest });

/** Whatever is built on another one comes before it: the first that a project depends on is the project's. */
export const frameworks: readonly Framework[] = [
  framework(['nextjs', 'Next.js', 'next'], 'next', {
    command: 'next build',
    environment: { NEXT_EDGE_RUNTIME_PROVIDER: 'vercel' },
  }),
  framework(['nuxtjs', 'Nuxt', 'nuxt'], 'own', { command: 'nuxt build', environment: nitroPreset }),
  framework(['sveltekit-1', 'SvelteKit', '@sveltejs/kit'], 'own', {
    command: 'vite build',
    adapter: '@sveltejs/adapter-vercel in svelte.config.js',
  }),
  framework(['solidstart-1', 'SolidStart', '@solidjs/start'], 'own', {
    command: 'vinxi build',
    environment: nitroPreset,
  }),
  framework(['astro', 'Astro', 'astro'], 'own', {
    command: 'astro build',
    adapter: '@astrojs/vercel in astro.config.mjs',
  }),
  framework(['react-router', 'React Router', '@react-router/dev'], 'vercel'),
  framework(['remix', 'Remix', '@remix-run/dev'], 'vercel'),
  framework(['nitro', 'Nitro', 'nitro'], 'own', { command: 'nitro build', environment: nitroPreset }),
  framework(['nitro', 'Nitro', 'nitropack'], 'own', { command: 'nitro build', environment: nitroPreset }),
  framework(['gatsby', 'Gatsby', 'gatsby'], 'vercel'),
  framework(['nestjs', 'NestJS', '@nestjs/core'], 'none'),
  framework(['hono', 'Hono', 'hono'], 'none'),
  framework(['fastify', 'Fastify', 'fastify'], 'none'),
  framework(['express', 'Express', 'express'], 'none'),
  framework(['koa', 'Koa', 'koa'], 'none'),
  framework(['h3', 'h3', 'h3'], 'none'),
  framework(['elysia', 'Elysia', 'elysia'], 'none'),
];

/** Null: none that is known. `slug`: what the project says it is, if it does. */
export function frameworkOf(dependencies: ReadonlySet<string>, slug: string | null): Framework | null {
  const candidates = slug === null ? frameworks : frameworks.filter((one) => one.slug === slug);
  return candidates.find(({ dependency }) => dependencies.has(dependency)) ?? null;
}
