import type { Settings } from '../../api/platform.ts';
import { publishedPrices } from '../../meter/prices.ts';
import type { Database } from './database.ts';

export type Kept = Pick<Settings, 'prices' | 'retention'>;

const defaultSettings: Kept = {
  prices: publishedPrices,
  retention: { usageDays: 30, logDays: 7, logBytes: 1024 * 1024 * 1024 },
};

/** What the operator may change. What was never changed is as the platform has it now. */
export class SettingsStore {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  get(): Kept {
    const changed = this.#changed();
    return {
      prices: { ...defaultSettings.prices, ...changed.prices },
      retention: { ...defaultSettings.retention, ...changed.retention },
    };
  }

  /** Values have been checked. */
  change(changes: Changes): Kept {
    const before = this.#changed();
    const merged = {
      prices: { ...before.prices, ...changes.prices },
      retention: { ...before.retention, ...changes.retention },
    };
    this.#db.run(`insert or replace into settings (name, value) values ('platform', ?)`, JSON.stringify(merged));
    return this.get();
  }

  #changed(): Changed {
    const row = this.#db.get<{ value: string }>(`select value from settings where name = 'platform'`);
    return row === null ? {} : (JSON.parse(row.value) as Changed);
  }
}

interface Changes {
  readonly prices?: { readonly [K in keyof Kept['prices']]?: number | undefined } | undefined;
  readonly retention?: { readonly [K in keyof Kept['retention']]?: number | undefined } | undefined;
}

/** As it was written: JSON leaves out what is undefined. */
interface Changed {
  readonly prices?: Partial<Kept['prices']>;
  readonly retention?: Partial<Kept['retention']>;
}
