// An answer of two seconds ago may be given (incremental static regeneration).
export const config = { isr: { expiration: 2 } };

export const load = () => ({ madeAt: new Date().toISOString() });
