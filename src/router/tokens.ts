import { createHash } from 'node:crypto';

import { limits } from '../base/limits.ts';
import type { Random } from '../base/random.ts';

export type Role = 'data' | 'control';

interface Issued<Owner> {
  readonly owner: Owner;
  readonly role: Role;
  readonly expiresMs: number;
}

/**
 * One-time tokens (I7): each lets in one connection, once, for the instance and role it was issued for. Kept and looked
 * up by digest, so that how long a lookup takes says nothing about the tokens that exist.
 */
export class Tokens<Owner> {
  readonly #random: Random;
  readonly #issued = new Map<string, Issued<Owner>>();

  constructor(random: Random) {
    this.#random = random;
  }

  get outstanding(): number {
    return this.#issued.size;
  }

  /** A token of 192 random bits. `lifeMs`: forgotten when nobody used it by then. */
  issue(owner: Owner, role: Role, nowMs: number, lifeMs: number = limits.tokenLifeMs): string {
    const token = this.#random.hex(24);
    this.#issued.set(digest(token), { owner, role, expiresMs: nowMs + lifeMs });
    return token;
  }

  /** Takes the token out of circulation. Null: unknown, used, expired or for the other role. */
  redeem(token: string, role: Role, nowMs: number): Owner | null {
    const key = digest(token);
    const issued = this.#issued.get(key);
    if (issued === undefined) return null;
    this.#issued.delete(key);
    return issued.role === role && nowMs < issued.expiresMs ? issued.owner : null;
  }

  expire(nowMs: number): void {
    for (const [key, issued] of this.#issued) if (nowMs >= issued.expiresMs) this.#issued.delete(key);
  }
}

const digest = (token: string): string => createHash('sha256').update(token).digest('base64');
