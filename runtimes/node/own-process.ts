/** Bundled into the payload in place of the global: user code may replace that (Next.js does, in edge functions). */
export const { process } = globalThis;
