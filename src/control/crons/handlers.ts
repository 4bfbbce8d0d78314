import type { HandlersOf } from '../api/handler.ts';
import type { Crons } from './crons.ts';

export const cronHandlers = (crons: Crons): HandlersOf<'crons' | 'cronRuns' | 'runCron' | 'changeCron'> => ({
  crons: ({ query }) => ({ items: crons.list(query.project) }),
  cronRuns: ({ params, query }) => crons.runs(params.cron, query),
  runCron: ({ params, caller }) => crons.run(params.cron, caller),
  changeCron: ({ params, body, caller }) => crons.change(params.cron, body.enabled, caller),
});
