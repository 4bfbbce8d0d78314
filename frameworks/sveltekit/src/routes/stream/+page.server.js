import { setTimeout as sleep } from 'node:timers/promises';

export const load = () => ({ early: 'This came at once.', late: sleep(500, 'This came later.') });
