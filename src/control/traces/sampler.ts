// Pure: which traces are kept, as OpenTelemetry's SDKs decide it.

/** What the edge asks (Traces in src/edge/trace-context.ts). `parent`: what the client has decided; null: the trace begins here. */
export interface Sampler {
  sample(traceIdHex: string, parent: boolean | null): boolean;
}

/** The same for the same trace, wherever it is asked: by the end of its id, which is random, as far as a number has it exactly. */
const ofRatio = (ratio: number) => (traceIdHex: string) =>
  Number.parseInt(traceIdHex.slice(-13), 16) / 2 ** 52 >= 1 - ratio;

const parentBased = (root: (traceIdHex: string) => boolean): Sampler => ({
  sample: (traceIdHex, parent) => parent ?? root(traceIdHex),
});

export const samplers: Readonly<Record<string, (ratio: number) => Sampler>> = {
  always_on: () => ({ sample: () => true }),
  always_off: () => ({ sample: () => false }),
  traceidratio: (ratio) => ({ sample: ofRatio(ratio) }),
  parentbased_always_on: () => parentBased(() => true),
  parentbased_always_off: () => parentBased(() => false),
  parentbased_traceidratio: (ratio) => parentBased(ofRatio(ratio)),
};
