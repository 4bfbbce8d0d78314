import type { Clock, Timer } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import type { Learned } from '../model/learned.ts';
import { readLearned } from './learned-check.ts';
import type { Fault, LearnedEntry } from './learned-check.ts';
import { identityOf, moveAside, readLearnedFile, removeAbandoned, writeLearnedFile } from './learned-file.ts';

export interface LearnedStoreOptions {
  /** Absolute; its folder is made, for this user alone, when there is something to write. */
  readonly file: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** What the scheduler has learned, over restarts. It is a convenience: without it all is learned anew, so nothing here fails. */
export interface LearnedStore {
  /** `key`: `learnedKey`. Null: nothing is known. */
  get(key: string): Learned | null;
  /**
   * What is invalid in it is not kept, and nothing is of what was learned before what is known. `wallMs`: when something of
   * it was learned last, milliseconds since the Unix epoch.
   */
  set(key: string, learned: Learned, wallMs: number): void;
  /** Writes what has changed, if something has. Never rejects: what went wrong is logged, and tried again. */
  save(): Promise<void>;
  /** Writes what has changed, for the last time. Idempotent. */
  close(): Promise<void>;
}

/** Of invalid values in one file: more of them say nothing new. */
const warnings = 10;
const shownCharacters = 80;

/**
 * Opens the store. A file that is not there is an empty one. One that cannot be understood is kept as FILE.broken; one of a
 * newer version is left alone, and nothing is kept then.
 *
 * Platforms of one user share the file. Before one writes it takes over what others have written since it last looked, so
 * that the newest of every function stays. Two that write at the very same moment may lose what one of them has learned
 * since its write before, until its next: what is written is whole, and everything that it knows.
 */
export async function openLearnedStore(options: LearnedStoreOptions): Promise<LearnedStore> {
  const store = new FileStore(options);
  await store.open();
  return store;
}

class FileStore implements LearnedStore {
  readonly #options: LearnedStoreOptions;
  #entries = new Map<string, LearnedEntry>();
  /** Of these what is invalid has not been left out yet: that takes time, and whoever sets many has none. */
  readonly #unchecked = new WeakSet<LearnedEntry>();
  /** Of the file as it was last read or written. */
  #identity: string | null = null;
  #changed = false;
  #timer: Timer | null = null;
  #saving: Promise<void> = Promise.resolve();
  #closing: Promise<void> | null = null;
  /** What is wrong with the file, as it was last told. */
  #trouble = '';

  constructor(options: LearnedStoreOptions) {
    this.#options = options;
  }

  async open(): Promise<void> {
    const { file, clock } = this.#options;
    await this.#attempt('cannot be read', async () => {
      const ours = await this.#takeOver();
      await removeAbandoned(file, clock.wallMs());
      return ours;
    });
  }

  get(key: string): Learned | null {
    const entry = this.#entries.get(key);
    return entry === undefined ? null : this.#checked(key, entry).learned;
  }

  set(key: string, learned: Learned, wallMs: number): void {
    if (this.#closing !== null || (this.#entries.get(key)?.savedWallMs ?? -Infinity) > wallMs) return;
    const entry = { learned, savedWallMs: wallMs };
    this.#unchecked.add(entry);
    // Moved to the end: the first ones are the oldest, or nearly.
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    if (this.#entries.size > limits.learnedFunctions) this.#entries.delete(this.#entries.keys().next().value!);
    this.#toBeSaved();
  }

  save(): Promise<void> {
    this.#saving = this.#saving.then(() => this.#save());
    return this.#saving;
  }

  close(): Promise<void> {
    this.#closing ??= this.save();
    this.#timer?.cancel();
    return this.#closing;
  }

  #checked(key: string, entry: LearnedEntry): LearnedEntry {
    if (!this.#unchecked.has(entry)) return entry;
    const { clock, log } = this.#options;
    const fault: Fault = (at, value, allowed) =>
      log.debug('learned, and not kept', { key, at, value: shown(value), allowed });
    const checked = { ...entry, learned: readLearned(entry.learned, clock.wallMs(), fault) };
    if (this.#entries.get(key) === entry) this.#entries.set(key, checked);
    return checked;
  }

  /** The newest first. */
  *#inOrder(): Generator<[string, LearnedEntry]> {
    for (const [key, entry] of [...this.#entries].toReversed()) yield [key, this.#checked(key, entry)];
  }

  #toBeSaved(): void {
    this.#changed = true;
    if (this.#closing !== null) return;
    this.#timer ??= this.#options.clock.after(limits.learnedSaveMs, () => {
      this.#timer = null;
      void this.save();
    });
  }

  async #save(): Promise<void> {
    if (!this.#changed) return;
    this.#changed = false;
    const { file, clock } = this.#options;
    const saved = await this.#attempt('cannot be written', async () => {
      if ((await identityOf(file)) !== this.#identity && !(await this.#takeOver())) return false;
      this.#forget(clock.wallMs());
      this.#identity = await writeLearnedFile(file, this.#inOrder());
      return true;
    });
    if (!saved) this.#toBeSaved();
  }

  /** Makes what others have written since this store's own, where that is newer. False: the file must stay as it is. */
  async #takeOver(): Promise<boolean> {
    const { file, clock } = this.#options;
    const found = await readLearnedFile(file, this.#isNews, clock.wallMs(), this.#faults());
    switch (found.kind) {
      case 'entries':
        this.#identity = found.identity;
        this.#merge(found.entries);
        this.#forget(clock.wallMs());
        break;
      case 'missing':
        this.#identity = null;
        break;
      case 'broken':
        this.#identity = null;
        this.#tell(`it cannot be understood: ${found.why}`, `it is kept as ${await moveAside(file)}`);
        break;
      case 'newer':
        this.#tell(`it is of version ${found.version}, a newer Weir's`, notKept);
        return false;
    }
    return true;
  }

  #merge(others: ReadonlyMap<string, LearnedEntry>): void {
    for (const [key, entry] of others) if (this.#isNews(key, entry.savedWallMs)) this.#entries.set(key, entry);
  }

  readonly #isNews = (key: string, savedWallMs: number): boolean =>
    (this.#entries.get(key)?.savedWallMs ?? -Infinity) < savedWallMs;

  /** What is old, and the oldest of what is too much. Leaves the rest in order of age, oldest first. */
  #forget(nowMs: number): void {
    const kept = [...this.#entries]
      .filter(([, { savedWallMs }]) => nowMs - savedWallMs <= limits.learnedKeptMs)
      .toSorted(([, one], [, other]) => one.savedWallMs - other.savedWallMs)
      .slice(-limits.learnedFunctions);
    this.#entries = new Map(kept);
  }

  /** False when it could not be done; then that was told, if it is news. */
  async #attempt(trouble: string, act: () => Promise<boolean>): Promise<boolean> {
    try {
      if (!(await act())) return false;
      this.#trouble = '';
      return true;
    } catch (error) {
      this.#tell(`it ${trouble}: ${(error as Error).message}`, notKept);
      return false;
    }
  }

  #tell(trouble: string, so: string): void {
    if (trouble === this.#trouble) return;
    this.#trouble = trouble;
    this.#options.log.warn(`what the scheduler has learned: ${trouble}; ${so}`, { file: this.#options.file });
  }

  /** Of one reading. */
  #faults(): Fault {
    const { file, log } = this.#options;
    let told = 0;
    return (at, value, allowed) => {
      told += 1;
      if (told <= warnings) log.warn('left out of what was learned', { file, at, value: shown(value), allowed });
      if (told === warnings + 1) log.warn('more that is left out is not told one by one', { file });
    };
  }
}

const notKept = 'what is learned now is not kept over restarts';

function shown(value: unknown): string {
  const text = typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? 'nothing');
  return text.length <= shownCharacters ? text : `${text.slice(0, shownCharacters)}…`;
}
