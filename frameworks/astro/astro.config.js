import node from '@astrojs/node';
import vercel from '@astrojs/vercel';
import { defineConfig } from 'astro/config';

// Without the hosted platform's variable it is a plain Node server, to compare with.
const adapter = process.env.VERCEL ? vercel() : node({ mode: 'standalone' });

export default defineConfig({
  output: 'server',
  adapter,
  redirects: { '/old': { status: 301, destination: '/' } },
  security: { checkOrigin: false },
});
