import { defineNitroConfig } from 'nitropack/config';

export default defineNitroConfig({
  compatibilityDate: '2026-06-01',
  routeRules: {
    '/old': { redirect: { to: '/', statusCode: 301 } },
    '/kept': { isr: 2 },
  },
});
