import type { Purge, ServiceScope } from '../../model/services.ts';
import { imageTag } from '../images/image-request.ts';
import type { PageStore } from './store.ts';

/** Whose tags call pages back. Project names have no spaces. */
export const tagScope = ({ environment, project }: ServiceScope): string => `${environment} ${project}`;

/** What functions call back of the answers that are kept. */
export const purgeOf = (store: PageStore): Purge => ({
  invalidateByTag: (scope, tags) => store.invalidateByTags(tagScope(scope), tags),
  dangerouslyDeleteByTag: (scope, tags, deadlineS) => store.deleteByTags(tagScope(scope), tags, deadlineS * 1000),
  invalidateBySrcImage: (scope, sources) => store.invalidateByTags(tagScope(scope), sources.map(imageTag)),
  dangerouslyDeleteBySrcImage: (scope, sources, deadlineS) =>
    store.deleteByTags(tagScope(scope), sources.map(imageTag), deadlineS * 1000),
});
