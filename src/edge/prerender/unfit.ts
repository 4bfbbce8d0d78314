import type { RequestHead } from '../../model/invoke.ts';
import type { CacheBypass, ConditionValue } from '../../model/routing.ts';
import { compileValue } from '../routing/conditions.ts';
import { headerList } from './fields.ts';

/** Whether what is kept (its headers, as clients get them) is not for a request: then its function answers. */
export type Unfit = (kept: readonly string[], head: RequestHead) => boolean;

type Check = (kept: readonly string[], request: readonly string[]) => boolean;

const compiled = new WeakMap<readonly CacheBypass[], Unfit>();

/** `afterCacheBypass` of config.json: all conditions of one of them hold. Null: there are none. */
export function unfitBy(bypasses: readonly CacheBypass[]): Unfit | null {
  if (bypasses.length === 0) return null;
  let unfit = compiled.get(bypasses);
  if (unfit === undefined) {
    const all = bypasses.map(({ hasAll }) => hasAll.map(checkOf));
    unfit = (kept, { headers }) => all.some((checks) => checks.every((holds) => holds(kept, headers)));
    compiled.set(bypasses, unfit);
  }
  return unfit;
}

function checkOf({ type, key, value }: CacheBypass['hasAll'][number]): Check {
  const name = key.toLowerCase();
  const matches = value === null || value === '' ? null : valueCheck(value);
  return (kept, request) => {
    const found = headerList(type === 'request.header' ? request : kept, name);
    return found !== undefined && (matches === null || matches(found));
  };
}

function valueCheck(value: ConditionValue): (text: string) => boolean {
  const matcher = compileValue(value);
  return (text) => matcher(text) !== null;
}
