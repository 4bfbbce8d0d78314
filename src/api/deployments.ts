import { z } from 'zod';
import { count, deploymentId, hostName, page, projectName, sha256, target, timeMs } from './fields.ts';

/** One file of an upload. Folders are implied. */
const uploadFile = z.object({
  path: z.string().min(1).max(1024).describe('Relative to the root of the upload, with forward slashes'),
  sha256,
  bytes: count,
  executable: z.boolean().default(false),
});
/** A symbolic link within the upload, as package managers make them. */
const uploadLink = z.object({
  path: z.string().min(1).max(1024),
  link: z.string().min(1).max(1024).describe('Relative to the folder of `path`; it may not lead out of the upload'),
});
export type UploadFile = z.infer<typeof uploadFile>;
export type UploadLink = z.infer<typeof uploadLink>;

const gitFacts = z.object({
  branch: z.string().max(255).nullable(),
  commit: z.string().max(64).nullable(),
  message: z.string().max(1000).nullable(),
  author: z.string().max(255).nullable(),
  dirty: z.boolean(),
});
export type GitFacts = z.infer<typeof gitFacts>;

export const newDeployment = z.object({
  target: target.default('preview'),
  files: z.array(uploadFile).max(200_000),
  links: z.array(uploadLink).max(50_000).default([]),
  directory: z.string().max(1024).default('').describe('Of the project within the upload; the empty string: its root'),
  git: gitFacts.nullable().default(null),
  promote: z
    .boolean()
    .default(true)
    .describe('Whether a production deployment gets the production domains once it is ready'),
});
export type NewDeployment = z.input<typeof newDeployment>;

/**
 * uploading: files are missing. building: they are being made into something that can be served. ready: it is served at its
 * own URL. failed: it could not be made. deleted: its files are gone, its record is kept.
 */
export const deploymentState = z.enum(['uploading', 'building', 'ready', 'failed', 'deleted']);
export type DeploymentState = z.infer<typeof deploymentState>;

const functionSummary = z.object({
  id: z.string().describe('DEPLOYMENT/NAME'),
  name: z.string(),
  label: z.string().describe('PROJECT/NAME'),
  runtime: z.string(),
  memoryMiB: z.int(),
  maxDurationMs: count,
  maxConcurrency: z.union([z.int(), z.literal('auto')]),
  routes: z.array(z.string()),
});

export const deployment = z.object({
  id: deploymentId,
  project: projectName,
  target,
  state: deploymentState,
  error: z.string().nullable().describe('Of a failed one: what was wrong'),
  createdMs: timeMs,
  readyMs: timeMs.nullable(),
  url: z.string().describe('Where it is served for good'),
  aliases: z.array(z.string()).describe('Host names that lead to it now'),
  isLive: z.boolean().describe('Production domains lead to it now'),
  wasLive: z.boolean().describe('They did, now or before: it can be rolled back to'),
  creator: z.string().describe('Name of the token that made it'),
  promotedFrom: deploymentId.nullable().describe('The preview whose files it was made of'),
  git: gitFacts.nullable(),
  files: count,
  bytes: count,
  functions: z.array(functionSummary),
  crons: z.array(
    z.object({
      path: z.string(),
      schedule: z.string(),
      overlap: z.boolean().optional().describe('false: it is not called while the call before is under way'),
    }),
  ),
});
export type DeploymentResource = z.infer<typeof deployment>;

export const createdDeployment = z.object({
  deployment,
  missing: z.array(sha256).describe('Blobs that have to be uploaded, each once, before it is finished'),
});

/** Server-sent events of a deployment that is being made: `log` lines, then `state`, which ends the stream. */
export const deploymentEvent = z.discriminatedUnion('type', [
  z.object({ type: z.literal('log'), level: z.enum(['info', 'warn', 'error']), text: z.string(), atMs: timeMs }),
  z.object({ type: z.literal('state'), deployment }),
]);
export type DeploymentEvent = z.infer<typeof deploymentEvent>;

const releaseStage = z.object({
  percent: z.int().min(1).max(100),
  minutes: z
    .number()
    .positive()
    .max(60 * 24 * 14)
    .nullable()
    .describe('Until the next stage; null: until it is approved'),
});
/** A rolling release under way. The last stage has 100 percent. */
export const release = z.object({
  project: projectName,
  stable: deploymentId,
  canary: deploymentId,
  stages: z.array(releaseStage),
  stage: count.describe('Index of the one that holds now'),
  percent: z.int().min(0).max(100),
  stageSinceMs: timeMs,
  nextMs: timeMs.nullable().describe('When the next stage begins by itself; null: when it is approved'),
});
export type Release = z.infer<typeof release>;

export const newRelease = z.object({
  deployment: deploymentId,
  stages: z
    .array(releaseStage)
    .min(2)
    .max(20)
    .default([
      { percent: 10, minutes: 5 },
      { percent: 50, minutes: 5 },
      { percent: 100, minutes: null },
    ]),
});

const retention = z.object({
  previewDays: z.int().min(1).max(3650).describe('Previews are deleted so long after they were made'),
  productionCount: z
    .int()
    .min(1)
    .max(1000)
    .describe('So many production deployments are kept, the live one beside them'),
});

export const project = z.object({
  name: projectName,
  createdMs: timeMs,
  live: deploymentId.nullable().describe('The deployment that production domains lead to'),
  liveUrl: z.string().nullable(),
  previous: deploymentId.nullable().describe('What `rollback` goes back to'),
  autoPromote: z
    .boolean()
    .describe('New production deployments get the production domains; off after a rollback, until one is promoted'),
  domains: z.array(z.string()),
  deployments: count,
  skewMaxAgeMs: count.describe(
    'Clients that hold on to an older deployment are sent to it for so long; 0: they are not',
  ),
  retention,
  release: release.nullable(),
});
export type ProjectResource = z.infer<typeof project>;

export const newProject = z.object({ name: projectName });
export const projectChanges = z.object({
  skewMaxAgeMs: z
    .int()
    .min(0)
    .max(30 * 86_400_000)
    .optional(),
  retention: retention.partial().optional(),
  autoPromote: z.boolean().optional(),
});

export const domain = z.object({
  host: hostName,
  project: projectName,
  target: target.describe('production: leads to the live deployment. preview: to the newest preview'),
  createdMs: timeMs,
  isOwn: z.boolean().describe('The name that every project has; it cannot be removed'),
});
export type DomainResource = z.infer<typeof domain>;
export const newDomain = z.object({ host: hostName, target: target.default('production') });

export const variableName = z
  .string()
  .max(256)
  .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'letters, digits and underscores, no digit first');
export const variable = z.object({
  name: variableName,
  targets: z.array(target).min(1),
  secret: z.boolean().describe('Its value is never shown again'),
  value: z.string().nullable().describe('Null: it is a secret'),
  updatedMs: timeMs,
});
export type VariableResource = z.infer<typeof variable>;
export const newVariable = z.object({
  value: z.string().max(65_536),
  targets: z.array(target).min(1).default(['production', 'preview']),
  secret: z.boolean().default(false),
});

export const deploymentPage = page(deployment);
