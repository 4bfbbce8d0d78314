import type { PolicyKind } from '../policy.ts';
import { fixedConcurrency } from './fixed.ts';
import { knative } from './knative.ts';
import { weir } from './weir.ts';

/** In the order of the report. */
export const policies: readonly PolicyKind[] = [
  fixedConcurrency('one-per-instance', 'one per instance', 1),
  fixedConcurrency('fixed-10', 'fixed 10', 10),
  knative,
  weir('weir', 'Weir', true),
  weir('weir-no-stems', 'Weir, no stems', false),
];
