// The directory of kept answers: DIRECTORY/DRAWER/ID.page. Whole files only: one is written beside its place and renamed.
import * as fs from 'node:fs/promises';
import { join } from 'node:path';

export interface Found {
  /** Oldest first. */
  readonly pages: readonly FoundPage[];
  /** Drawers that something was taken out of for want of room. */
  readonly lost: readonly string[];
}

interface FoundPage {
  readonly drawer: string;
  readonly id: string;
  readonly sizeBytes: number;
  readonly writtenMs: number;
}

const drawerForm = /^[0-9a-f]{16}$/;
const pageForm = /^([0-9a-f]{40})\.page$/;
const temporaryForm = /\.tmp$/;
const lostName = 'lost';
/** Files that are looked at at once. */
const looks = 32;

export class PageDisk {
  readonly #directory: string;
  #written = 0;
  /** Files that something is done to; what is asked for next waits for it. */
  readonly #busy = new Map<string, Promise<void>>();

  /** Absolute. */
  constructor(directory: string) {
    this.#directory = directory;
  }

  /** What is there. What a process that was killed left half-written is removed. */
  async scan(): Promise<Found> {
    await fs.mkdir(this.#directory, { recursive: true, mode: 0o700 });
    const found: FoundPage[] = [];
    const lost: string[] = [];
    for (const drawer of await fs.readdir(this.#directory)) {
      if (drawerForm.test(drawer) && (await this.#scanDrawer(drawer, found))) lost.push(drawer);
    }
    return { pages: found.toSorted((one, other) => one.writtenMs - other.writtenMs), lost };
  }

  /** True: something was taken out of it. */
  async #scanDrawer(drawer: string, found: FoundPage[]): Promise<boolean> {
    const names = await fs.readdir(join(this.#directory, drawer));
    const next = names.values();
    const look = async (): Promise<void> => {
      for (const name of next) {
        const file = join(this.#directory, drawer, name);
        if (temporaryForm.test(name)) await fs.rm(file, { force: true });
        const id = pageForm.exec(name)?.[1];
        const stat = id === undefined ? null : await fs.stat(file).catch(() => null);
        if (stat?.isFile() === true) found.push({ drawer, id: id!, sizeBytes: stat.size, writtenMs: stat.mtimeMs });
      }
    };
    await Promise.all(Array.from({ length: looks }, look));
    return names.includes(lostName);
  }

  write(drawer: string, id: string, pieces: readonly Buffer[]): Promise<void> {
    const file = this.#file(drawer, id);
    return this.#inTurn(file, async () => {
      const temporary = `${file}.${(this.#written += 1)}.tmp`;
      await fs.mkdir(join(this.#directory, drawer), { recursive: true, mode: 0o700 });
      try {
        await fs.writeFile(temporary, pieces, { mode: 0o600 });
        await fs.rename(temporary, file);
      } catch (error) {
        await fs.rm(temporary, { force: true });
        throw error;
      }
    });
  }

  /** Null: there is none, or it cannot be read. */
  async read(drawer: string, id: string, mostBytes: number): Promise<Buffer | null> {
    try {
      const handle = await fs.open(this.#file(drawer, id), 'r');
      try {
        return (await handle.stat()).size > mostBytes ? null : await handle.readFile();
      } finally {
        await handle.close();
      }
    } catch {
      return null;
    }
  }

  remove(drawer: string, id: string): Promise<void> {
    const file = this.#file(drawer, id);
    return this.#inTurn(file, () => fs.rm(file, { force: true }));
  }

  /** For whoever scans it next. */
  markLost(drawer: string): Promise<void> {
    const file = join(this.#directory, drawer, lostName);
    return this.#inTurn(file, () => fs.writeFile(file, '', { mode: 0o600 }));
  }

  async removeDrawer(drawer: string): Promise<void> {
    await fs.rm(join(this.#directory, drawer), { recursive: true, force: true });
  }

  /** Resolves when nothing is under way any more. `drawer`: in it; null: at all. */
  async idle(drawer: string | null = null): Promise<void> {
    const inside = drawer === null ? this.#directory : join(this.#directory, drawer, '/');
    for (;;) {
      const under = [...this.#busy].filter(([file]) => file.startsWith(inside)).map(([, done]) => done);
      if (under.length === 0) return;
      await Promise.allSettled(under);
    }
  }

  /** Rejects as `act` does. */
  async #inTurn(file: string, act: () => Promise<void>): Promise<void> {
    const before = this.#busy.get(file);
    const done = before === undefined ? act() : before.then(act, act);
    this.#busy.set(file, done);
    try {
      await done;
    } finally {
      if (this.#busy.get(file) === done) this.#busy.delete(file);
    }
  }

  #file(drawer: string, id: string): string {
    return join(this.#directory, drawer, `${id}.page`);
  }
}
