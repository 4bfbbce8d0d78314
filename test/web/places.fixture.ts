import type { Answer } from '../../src/api/routes.ts';
import { fakeTokens } from './fake-control.fixture.ts';

/** Id of an invocation of this function that the fake control knows. */
export async function firstInvocation(origin: string, name: string, start = ''): Promise<string> {
  const response = await fetch(`${origin}/v1/invocations?limit=100${start === '' ? '' : `&start=${start}`}`, {
    headers: { Authorization: `Bearer ${fakeTokens.admin}` },
  });
  const { items } = (await response.json()) as Answer<'invocations'>;
  const found = items.find((item) => item.function.endsWith(name)) ?? items[0];
  if (found === undefined) throw new Error('the fake control has no invocations');
  return found.id;
}

/** Every page of the dashboard, by what the tests call it. */
export const placesOf = (invocation: string): Readonly<Record<string, string>> => ({
  overview: '/',
  function: '/function/shop/api/cart',
  deployments: '/deployments/shop',
  release: '/deployments/assistant',
  logs: '/logs',
  invocations: '/invocations',
  invocation: `/invocation/${invocation}`,
  usage: '/usage',
  environment: '/settings/shop',
  domains: '/settings/shop?tab=domains',
  tokens: '/settings?tab=tokens',
  platform: '/settings?tab=platform',
});
