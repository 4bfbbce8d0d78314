import type { Clock } from '../../base/clock.ts';
import { limits } from '../../base/limits.ts';
import { ApiError } from '../../api/errors.ts';
import type { Role } from '../../api/fields.ts';
import type { TokenStore } from '../store/tokens.ts';
import type { Caller } from './handler.ts';

const ranks: Readonly<Record<Role, number>> = { read: 0, deploy: 1, admin: 2 };

/** Who may. Tokens cannot be guessed; whoever tries is slowed down all the same, so that it shows. */
export class Authority {
  readonly #tokens: TokenStore;
  readonly #clock: Clock;
  /** Wrong ones by address, of the minute under way. */
  #wrong = new Map<string, number>();
  #minuteMs = 0;

  constructor(tokens: TokenStore, clock: Clock) {
    this.#tokens = tokens;
    this.#clock = clock;
  }

  /** Throws ApiError. `header`: Authorization, as it came. */
  admit(header: string | undefined, address: string, role: Role): Caller {
    if (header === undefined) throw new ApiError('NO_TOKEN');
    const secret = /^Bearer +([\w.~+/=-]{8,512})$/i.exec(header)?.[1];
    const token = secret === undefined ? null : this.#tokens.present(secret);
    if (token === null) throw this.#refused(address);
    if (ranks[token.role] < ranks[role])
      throw new ApiError('NOT_ALLOWED', `This needs the role ${role}; the token ${token.name} has ${token.role}.`);
    return { tokenId: token.id, name: token.name, role: token.role, address };
  }

  /** Others at the same address, behind the same proxy, are let in by a right one all the while. */
  #refused(address: string): ApiError {
    this.#turn();
    const wrong = this.#wrong.get(address) ?? 0;
    if (wrong >= limits.wrongTokensPerMinute)
      return new ApiError('TOO_MANY_REQUESTS', 'Too many wrong tokens came from this address.');
    if (wrong > 0 || this.#wrong.size < limits.wrongTokenAddresses) this.#wrong.set(address, wrong + 1);
    return new ApiError('WRONG_TOKEN');
  }

  #turn(): void {
    const nowMs = this.#clock.nowMs();
    if (nowMs - this.#minuteMs < 60_000) return;
    this.#minuteMs = nowMs;
    this.#wrong = new Map();
  }
}
