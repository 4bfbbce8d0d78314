import type { RequestHead } from '../../model/invoke.ts';
import type { Condition } from '../../model/routing.ts';
import {
  type CompiledCondition,
  compileCondition,
  type Conditioned,
  cookieOf,
  holdsAny,
  hostnameOf,
} from '../routing/conditions.ts';
import { HeaderFields } from './request-fields.ts';

const compiled = new WeakMap<readonly Condition[], readonly CompiledCondition[]>();

/** Whether one of the conditions holds for a request. They are compiled once; `deploymentFaults` has seen that they can be. */
export function matchesAny(conditions: readonly Condition[], head: RequestHead): boolean {
  let ready = compiled.get(conditions);
  if (ready === undefined) compiled.set(conditions, (ready = conditions.map(compileCondition)));
  return holdsAny(ready, conditioned(head));
}

function conditioned({ headers, target }: RequestHead): Conditioned {
  const fields = new HeaderFields(headers);
  const query = target.indexOf('?');
  return {
    hostname: hostnameOf(fields.get('host') ?? ''),
    header: (name) => fields.get(name),
    cookie: (name) => cookieOf(fields.get('cookie'), name),
    parameter: (name) => new URLSearchParams(query === -1 ? '' : target.slice(query)).get(name) ?? undefined,
  };
}
