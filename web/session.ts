import type { Role } from '../src/api/fields.ts';
import type { Me } from '../src/api/platform.ts';
import { store } from './store.ts';

/**
 * The token is as good as a password. So it is kept in sessionStorage: it ends with the tab, and other tabs do not have it. Who
 * asks for it to be kept gets localStorage. A cookie would be sent by the browser unasked, also when another site asks.
 */
const key = 'weir.token';

export interface Session {
  readonly token: string | null;
  readonly me: Me | null;
  /** Why one has to sign in; empty: nothing was wrong. */
  readonly refusal: string;
}

export const session = store<Session>({ token: takeToken(), me: null, refusal: '' });

/** From the address that `weir dashboard` prints. It is taken out of it, so that it is not in the history or on a screenshot. */
function takeToken(): string | null {
  const given = /^#token=([^&]+)/.exec(location.hash)?.[1];
  if (given !== undefined) {
    sessionStorage.setItem(key, decodeURIComponent(given));
    history.replaceState(null, '', `${location.pathname}#/`);
  }
  return sessionStorage.getItem(key) ?? localStorage.getItem(key);
}

export function signIn(token: string, me: Me, keep: boolean): void {
  (keep ? localStorage : sessionStorage).setItem(key, token);
  session.set({ token, me, refusal: '' });
}

export function signOut(refusal = ''): void {
  sessionStorage.removeItem(key);
  localStorage.removeItem(key);
  session.set({ token: null, me: null, refusal });
}

const ranks: Readonly<Record<Role, number>> = { read: 0, deploy: 1, admin: 2 };

/** Empty: it may. */
export function whyNot(needed: Role | null): string {
  const role = session.get().me?.token.role ?? 'read';
  if (needed === null || ranks[role] >= ranks[needed]) return '';
  return `Your token may ${role}; this needs one that may ${needed}.`;
}
