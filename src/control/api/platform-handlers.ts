import { openApi } from '../../api/openapi.ts';
import { ApiError } from '../../api/errors.ts';
import type { Me, Settings } from '../../api/platform.ts';
import type { AuditLog } from '../store/audit.ts';
import type { Database } from '../store/database.ts';
import type { Kept, SettingsStore } from '../store/settings-store.ts';
import type { TokenStore } from '../store/tokens.ts';
import type { HandlersOf } from './handler.ts';

interface Parts {
  readonly db: Database;
  readonly tokens: TokenStore;
  readonly audit: AuditLog;
  readonly settings: SettingsStore;
  readonly version: string;
  facts(): Pick<Me, 'edge' | 'node' | 'provider'>;
  disk(): Promise<Settings['disk']>;
  /** They were changed: whoever goes by them is told. */
  changed(settings: Kept): void;
}

type Names =
  | 'health'
  | 'openapi'
  | 'me'
  | 'tokens'
  | 'createToken'
  | 'revokeToken'
  | 'audit'
  | 'settings'
  | 'changeSettings';

/** The platform itself, tokens and settings over HTTP. */
export const platformHandlers = (parts: Parts): HandlersOf<Names> => {
  const { db, tokens, audit, settings, version } = parts;
  return {
    health: () => ({ status: 'ok', version }),
    openapi: () => openApi(version),
    me({ caller }) {
      const { tokenId: id, name, role } = caller!;
      return { token: { id, name, role }, version, ...parts.facts() };
    },
    tokens: () => ({ items: tokens.list() }),
    createToken: ({ body, caller }) =>
      db.transaction(() => {
        const made = tokens.create(body.name, body.role, body.days);
        audit.write(caller, { action: 'token.create', subject: made.token.id, detail: `${body.name}, ${body.role}` });
        return made;
      }),
    revokeToken: ({ params, caller }) =>
      db.transaction(() => {
        const token = tokens.find(params.token);
        if (token === null) throw new ApiError('TOKEN_NOT_FOUND', `There is no token ${params.token}.`);
        if (token.role === 'admin' && tokens.otherAdmins(token.id) === 0)
          throw new ApiError(
            'WRONG_STATE',
            `${token.name} is the last token that may do everything: make another one first.`,
          );
        tokens.revoke(token.id);
        audit.write(caller, { action: 'token.revoke', subject: token.id, detail: token.name });
      }),
    audit: ({ query }) => audit.list(query),
    settings: async () => ({ ...settings.get(), disk: await parts.disk() }),
    async changeSettings({ body, caller }) {
      const kept = db.transaction(() => {
        const changed = settings.change(body);
        audit.write(caller, { action: 'settings.change', detail: JSON.stringify(body) });
        return changed;
      });
      parts.changed(kept);
      return { ...kept, disk: await parts.disk() };
    },
  };
};
