import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * What files had in them when they were last looked at. A program's build may write sources itself (generated code); they are no
 * reason to build again when they are what they were.
 */
export class ContentMarks {
  readonly #marks = new Map<string, string>();

  /** Whether any of them, relative to `dir`, is not what it was; what was never looked at is not. */
  async differ(dir: string, paths: readonly string[]): Promise<boolean> {
    let isAny = false;
    for (const path of paths) {
      const content = await readFile(join(dir, path)).catch(() => null);
      const mark = content === null ? 'gone' : createHash('sha256').update(content).digest('base64');
      if (this.#marks.get(path) !== mark) isAny = true;
      this.#marks.set(path, mark);
    }
    return isAny;
  }
}
