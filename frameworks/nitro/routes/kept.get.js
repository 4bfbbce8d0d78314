import { defineEventHandler } from 'h3';

// An answer of two seconds ago may be given: see routeRules.
export default defineEventHandler(() => ({ madeAt: new Date().toISOString() }));
