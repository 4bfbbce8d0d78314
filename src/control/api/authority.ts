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
    this.#turn();
    if ((this.#wrong.get(address) ?? 0) >= limits.wrongTokensPerMinute)
      throw new ApiError('TOO_MANY_REQUESTS', 'Too many wrong tokens came from this address.');
    const secret = /^Bearer +([\w.~+/=-]{8,512})$/i.exec(header)?.[1];
    const token = secret === undefined ? null : this.#tokens.present(secret);
    if (token === null) {
      if (this.#wrong.size < limits.wrongTokenAddresses) this.#wrong.set(address, (this.#wrong.get(address) ?? 0) + 1);
      throw new ApiError('WRONG_TOKEN');
    }
    if (ranks[token.role] < ranks[role])
      throw new ApiError('NOT_ALLOWED', `This needs the role ${role}; the token ${token.name} has ${token.role}.`);
    return { tokenId: token.id, name: token.name, role: token.role, address };
  }

  #turn(): void {
    const nowMs = this.#clock.nowMs();
    if (nowMs - this.#minuteMs < 60_000) return;
    this.#minuteMs = nowMs;
    this.#wrong = new Map();
  }
}
