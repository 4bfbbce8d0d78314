import { z } from 'zod';
import { count, page, role, timeMs } from './fields.ts';
import { prices } from './observed.ts';

export const health = z.object({ status: z.literal('ok'), version: z.string() });

export const me = z.object({
  token: z.object({ id: z.string(), name: z.string(), role }),
  version: z.string(),
  /** Where deployments are found: a port to put behind their host names. */
  edge: z.object({ scheme: z.enum(['http', 'https']), port: z.int(), domain: z.string() }),
  node: z.string(),
  provider: z.string().describe('One sentence about what limits instances on this machine'),
});
export type Me = z.infer<typeof me>;

export const token = z.object({
  id: z.string(),
  name: z.string(),
  role,
  createdMs: timeMs,
  lastUsedMs: timeMs.nullable(),
  expiresMs: timeMs.nullable(),
});
export const newToken = z.object({
  name: z.string().trim().min(1).max(64),
  role: role.default('deploy'),
  days: z.int().min(1).max(3650).nullable().default(null).describe('How long it holds; null: until it is revoked'),
});
export const createdToken = z.object({ token, secret: z.string().describe('Shown this once') });
export type TokenResource = z.infer<typeof token>;

const auditEntry = z.object({
  id: z.string(),
  atMs: timeMs,
  actor: z.string().describe('Name of the token'),
  action: z.string().describe('deployment.promote'),
  project: z.string().nullable(),
  subject: z.string().nullable(),
  detail: z.string().nullable(),
  address: z.string().nullable().describe('Of the client'),
});
export type AuditEntry = z.infer<typeof auditEntry>;
export const auditPage = page(auditEntry);

export const settings = z.object({
  prices,
  retention: z.object({
    usageDays: z.int().min(1).max(3650),
    logDays: z.int().min(1).max(3650),
    logBytes: z
      .int()
      .min(1_048_576)
      .max(2 ** 40)
      .describe('Of all logs and invocations on the disk'),
  }),
  disk: z.object({ databaseBytes: count, blobBytes: count, deploymentBytes: count, logBytes: count }),
});
export type Settings = z.infer<typeof settings>;
export const settingsChanges = z.object({
  prices: prices.partial().optional(),
  retention: settings.shape.retention.partial().optional(),
});
