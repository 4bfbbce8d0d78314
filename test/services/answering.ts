// Answers what a runtime under test asks, with the platform's own code and a runtime cache of its own.
import { nothingKept, type Purge, type ServiceScope } from '../../src/model/services.ts';
import { RuntimeCacheStore } from '../../src/control/runtime-cache.ts';
import { execute } from '../../src/router/ask-orders.ts';
import { systemClock } from '../../src/base/clock.ts';
import type { FakeHost } from '../../runtimes/node/fake-call.fixture.ts';

const scope: ServiceScope = { project: 'test', environment: 'production' };

export interface Purged {
  readonly how: keyof Purge;
  readonly what: readonly string[];
  readonly deadlineS: number | undefined;
}

/** What is purged is written down. Several hosts may share a cache, as instances do. */
export class Platform {
  readonly cache = new RuntimeCacheStore({ clock: systemClock });
  readonly purged: Purged[] = [];

  serve(host: FakeHost): void {
    const noted =
      (how: keyof Purge) =>
      (_: ServiceScope, what: readonly string[], deadlineS?: number): Promise<void> => {
        this.purged.push({ how, what, deadlineS });
        return nothingKept.invalidateByTag(scope, []);
      };
    const purge: Purge = {
      invalidateByTag: noted('invalidateByTag'),
      dangerouslyDeleteByTag: noted('dangerouslyDeleteByTag'),
      invalidateBySrcImage: noted('invalidateBySrcImage'),
      dangerouslyDeleteBySrcImage: noted('dangerouslyDeleteBySrcImage'),
    };
    host.onAsk = async (fields, body) => {
      const answer = await execute(fields, Buffer.from(body ?? []), scope, { cache: this.cache, purge });
      return { fields: { ok: true, ...answer.fields }, body: answer.body ?? Buffer.alloc(0) };
    };
  }
}
