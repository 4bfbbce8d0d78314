export default defineNuxtConfig({
  compatibilityDate: '2026-06-01',
  telemetry: false,
  routeRules: {
    '/old': { redirect: { to: '/', statusCode: 301 } },
    '/about': { prerender: true },
    '/kept': { isr: 2 },
  },
});
