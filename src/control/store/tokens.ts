import { createHash, randomBytes } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import { limits } from '../../base/limits.ts';
import type { Role } from '../../api/fields.ts';
import type { TokenResource } from '../../api/platform.ts';
import type { Database } from './database.ts';

interface TokenRow {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly created_ms: number;
  readonly last_used_ms: number | null;
  readonly expires_ms: number | null;
}

export type Presented = Pick<TokenResource, 'id' | 'name' | 'role'>;

const columns = 'id, name, role, created_ms, last_used_ms, expires_ms';

/** Who may call the API. The database has hashes: nobody who reads it learns a token. */
export class TokenStore {
  readonly #db: Database;
  readonly #clock: Clock;
  /** Of this process alone: it is gone with it, and never written. */
  readonly #own = new Map<string, Presented>();

  constructor(db: Database, clock: Clock) {
    this.#db = db;
    this.#clock = clock;
  }

  get isEmpty(): boolean {
    return this.#db.get('select 1 from tokens limit 1') === null;
  }

  /** `days`: null: it holds until it is revoked. The secret is told here and never again. */
  create(name: string, role: Role, days: number | null): { readonly token: TokenResource; readonly secret: string } {
    const secret = newSecret();
    const id = `tok_${randomBytes(8).toString('hex')}`;
    const nowMs = this.#clock.wallMs();
    const expiresMs = days === null ? null : nowMs + days * 86_400_000;
    this.#db.run(
      'insert into tokens (id, name, role, hash, created_ms, expires_ms) values (?, ?, ?, ?, ?, ?)',
      id,
      name,
      role,
      hashOf(secret),
      nowMs,
      expiresMs,
    );
    return { token: { id, name, role, createdMs: nowMs, lastUsedMs: null, expiresMs }, secret };
  }

  /** One for programs of the same user on this machine, as long as this process runs. */
  createOwn(name: string): string {
    const secret = newSecret();
    this.#own.set(hashOf(secret).toString('hex'), { id: 'tok_local', name, role: 'admin' });
    return secret;
  }

  /** Null: it is not known, was revoked, or has expired. Looked up by its hash, so that time tells nothing of it. */
  present(secret: string): Presented | null {
    const hash = hashOf(secret);
    const own = this.#own.get(hash.toString('hex'));
    if (own !== undefined) return own;
    const row = this.#db.get<TokenRow>(`select ${columns} from tokens where hash = ?`, hash);
    const nowMs = this.#clock.wallMs();
    if (row === null || (row.expires_ms !== null && row.expires_ms <= nowMs)) return null;
    // A write a request would be one too many.
    if (nowMs - (row.last_used_ms ?? 0) > limits.tokenUseNotedMs) this.#note(row.id, nowMs);
    return { id: row.id, name: row.name, role: row.role };
  }

  /** Where it cannot be noted (a full disk), whoever may make room has to be let in all the same. */
  #note(id: string, nowMs: number): void {
    try {
      this.#db.run('update tokens set last_used_ms = ? where id = ?', nowMs, id);
    } catch {
      // It is noted the next time.
    }
  }

  list(): TokenResource[] {
    return this.#db.all<TokenRow>(`select ${columns} from tokens order by created_ms`).map(resourceOf);
  }

  find(id: string): TokenResource | null {
    const row = this.#db.get<TokenRow>(`select ${columns} from tokens where id = ?`, id);
    return row === null ? null : resourceOf(row);
  }

  /** Others that may do everything, besides this one. */
  otherAdmins(id: string): number {
    const nowMs = this.#clock.wallMs();
    const sql = `select count(*) as n from tokens where role = 'admin' and id <> ? and (expires_ms is null or expires_ms > ?)`;
    return this.#db.get<{ n: number }>(sql, id, nowMs)!.n;
  }

  revoke(id: string): void {
    this.#db.run('delete from tokens where id = ?', id);
  }
}

const newSecret = (): string => `weir_${randomBytes(32).toString('base64url')}`;

const hashOf = (secret: string): Buffer => createHash('sha256').update(secret).digest();

const resourceOf = (row: TokenRow): TokenResource => ({
  id: row.id,
  name: row.name,
  role: row.role,
  createdMs: row.created_ms,
  lastUsedMs: row.last_used_ms,
  expiresMs: row.expires_ms,
});
