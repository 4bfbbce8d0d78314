import { limits } from '../base/limits.ts';

/** Tags of an answer, for whoever keeps it: a header of the hosted platform, several of them separated by commas. */
const header = 'vercel-cache-tag';

/** Adds the tags to what the answer has of them itself. */
export function withCacheTags(headers: readonly string[], tags: ReadonlySet<string>): readonly string[] {
  const all = new Set<string>();
  const others: string[] = [];
  for (let at = 0; at < headers.length; at += 2) {
    const [name = '', value = ''] = [headers[at], headers[at + 1]];
    if (name.toLowerCase() !== header) others.push(name, value);
    else for (const tag of value.split(',')) all.add(tag.trim());
  }
  for (const tag of tags) all.add(tag);
  all.delete('');
  return [...others, header, [...all].join(',')];
}

/** Whether so many may be added to an answer. */
export function fitsHead(tags: ReadonlySet<string>): boolean {
  let bytes = 0;
  for (const tag of tags) bytes += tag.length + 1;
  return tags.size <= limits.addedTags && bytes <= limits.addedTagsBytes;
}
