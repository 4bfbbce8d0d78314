import { z } from 'zod';
import { cursor, limit, projectName } from './fields.ts';
import * as p from './platform.ts';
import type { Route } from './route.ts';

const list = <T extends z.ZodType>(item: T) => z.object({ items: z.array(item) });
const listing = { limit: limit(1000, 100), cursor };

export const platformRoutes = {
  health: {
    method: 'GET',
    path: '/v1/health',
    role: null,
    tag: 'platform',
    summary: 'Whether the control answers',
    answer: p.health,
  },
  openapi: {
    method: 'GET',
    path: '/v1/openapi.json',
    role: null,
    tag: 'platform',
    summary: 'This document',
    answer: z.record(z.string(), z.unknown()),
  },
  me: {
    method: 'GET',
    path: '/v1/me',
    role: 'read',
    tag: 'platform',
    summary: 'Whose token this is, and where it is used',
    answer: p.me,
  },
  tokens: {
    method: 'GET',
    path: '/v1/tokens',
    role: 'admin',
    tag: 'tokens',
    summary: 'All tokens, without their secrets',
    answer: list(p.token),
  },
  createToken: {
    method: 'POST',
    path: '/v1/tokens',
    role: 'admin',
    tag: 'tokens',
    summary: 'Make a token',
    body: p.newToken,
    answer: p.createdToken,
    status: 201,
  },
  revokeToken: {
    method: 'DELETE',
    path: '/v1/tokens/:token',
    role: 'admin',
    tag: 'tokens',
    summary: 'Revoke a token',
    params: z.object({ token: z.string().max(64) }),
    answer: 'empty',
    status: 204,
    errors: ['TOKEN_NOT_FOUND', 'WRONG_STATE'],
  },
  audit: {
    method: 'GET',
    path: '/v1/audit',
    role: 'admin',
    tag: 'platform',
    summary: 'Who changed what, the newest first',
    query: z.object({ ...listing, project: projectName.optional() }),
    answer: p.auditPage,
  },
  settings: {
    method: 'GET',
    path: '/v1/settings',
    role: 'read',
    tag: 'platform',
    summary: 'Settings of the platform',
    answer: p.settings,
  },
  changeSettings: {
    method: 'PATCH',
    path: '/v1/settings',
    role: 'admin',
    tag: 'platform',
    summary: 'Change settings of the platform',
    body: p.settingsChanges,
    answer: p.settings,
  },
} as const satisfies Record<string, Route>;
