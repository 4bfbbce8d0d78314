// What many messages of the API have in common. Bounds are part of the contract: what is beyond them is refused by name.
import { z } from 'zod';

/** As a host name has it: it is the first part of the project's URLs. */
export const projectName = z
  .string()
  .max(48)
  .regex(/^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/, 'lower-case letters, digits and inner hyphens, 48 at most')
  .describe('Name of a project');

export const deploymentId = z
  .string()
  .regex(/^dep_[a-z0-9]{8,32}$/, 'dep_ and letters and digits')
  .describe('Id of a deployment');

export const hostName = z
  .string()
  .max(253)
  .regex(
    /^(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/,
    'a host name in lower case, without scheme, port or path',
  )
  .describe('Host name');

export const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'a SHA-256 in lower-case hexadecimal');

export const target = z.enum(['production', 'preview']).describe('What a deployment is for');
export type Target = z.infer<typeof target>;

export const role = z.enum(['read', 'deploy', 'admin']).describe('Each may all that the one before may');
export type Role = z.infer<typeof role>;

/** Unix time in milliseconds. */
export const timeMs = z.int().nonnegative().describe('Unix time, milliseconds');

export const count = z.int().nonnegative();
/** A number of a list's items. Query parameters are text: it is read as a number. */
export const limit = (most: number, usual: number) => z.coerce.number().int().min(1).max(most).default(usual);

/** Where the next page of a list begins; null: this was the last. Only what a page said before is accepted. */
export const cursor = z.string().max(128).optional().describe('`next` of the page before');

/** Of a query: `1h`, `30m`, `7d`, or a Unix time in milliseconds. */
export const since = z
  .string()
  .regex(/^(?:\d{1,4}[smhd]|\d{10,16})$/, 'a span such as 90s, 15m, 24h, 30d, or a Unix time in milliseconds')
  .describe('A span before now (15m, 24h, 30d), or a Unix time in milliseconds');

/** `true` and `false` of a query. */
export const flag = z
  .enum(['true', 'false'])
  .transform((text) => text === 'true')
  .optional();

export const level = z.enum(['debug', 'info', 'warn', 'error']);
export const page = <T extends z.ZodType>(item: T) =>
  z.object({ items: z.array(item), next: z.string().nullable().describe('Give it as `cursor` for what follows') });
