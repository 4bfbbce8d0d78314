import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import { limits } from '../../base/limits.ts';
import type { Log } from '../../base/log.ts';
import { PageDisk } from './disk.ts';
import { HeldBytes } from './held.ts';
import { MarkJournal } from './journal.ts';
import type { KeptPage } from './kept.ts';
import { TagMarks } from './marks.ts';
import { decodePage, encodePageHead } from './page-file.ts';
import { Recency } from './recency.ts';
import type { Used } from './recency.ts';
import { Shelf } from './shelf.ts';
import type { HotPage } from './shelf.ts';

export interface PageStoreOptions {
  /** Absolute; made when it is not there. It belongs to this store alone. */
  readonly directory: string;
  readonly clock: Clock;
  readonly log: Log;
  /** What is left out is as in limits. */
  readonly most?: {
    readonly bytes?: number;
    readonly memoryBytes?: number;
    readonly pages?: number;
    readonly bodyBytes?: number;
    readonly hotBytes?: number;
    readonly unwrittenBytes?: number;
    readonly heldBytes?: number;
  };
}

/** A kept answer on disk, or on its way there. */
export interface StoredPage extends Used {
  readonly drawer: Drawer;
  readonly id: string;
  sizeBytes: number;
  /** Counts what was put here. */
  version: number;
  /** What is to be written; null: the file has it. */
  unwritten: { readonly key: string; readonly page: KeptPage; readonly head: Buffer } | null;
  writing: boolean;
  removed: boolean;
  /** The same bytes for all that are being sent it, as long as one is. */
  shared: WeakRef<KeptPage> | null;
  reading: Promise<KeptPage | null> | null;
  hot: HotPage | null;
}

interface Drawer {
  readonly name: string;
  readonly pages: Map<string, StoredPage>;
  readonly used: Recency<StoredPage>;
  bytes: number;
  lost: boolean;
}

/** What one page takes in memory besides its body, roughly. */
const overheadBytes = 1024;

const hash = (text: string, digits: number): string => createHash('sha256').update(text).digest('hex').slice(0, digits);

/**
 * Kept answers, on disk and the small ones that are asked for in memory as well. When there is no room, that goes which the
 * deployment with the most has not used for longest: one that keeps ever more leaves the others their share. A file that is not whole is no answer, and removed; a disk that fails costs what it would have kept.
 */
export class PageStore {
  readonly clock: Clock;
  readonly log: Log;
  readonly marks = new TagMarks();
  readonly held: HeldBytes;
  readonly #most: Required<NonNullable<PageStoreOptions['most']>>;
  readonly #disk: PageDisk;
  readonly #journal: MarkJournal;
  readonly #drawers = new Map<string, Drawer>();
  readonly #shelves = new Map<string, Shelf>();
  #pages = 0;
  #bytes = 0;
  #memoryBytes = 0;
  #unwrittenBytes = 0;
  readonly #queue: StoredPage[] = [];
  #writers = 0;
  readonly #quiet: (() => void)[] = [];

  private constructor({ directory, clock, log, most }: PageStoreOptions) {
    this.clock = clock;
    this.log = log;
    this.#most = {
      bytes: limits.pageStoreBytes,
      memoryBytes: limits.pageMemoryBytes,
      pages: limits.pages,
      bodyBytes: limits.pageBodyBytes,
      hotBytes: limits.pageHotBytes,
      unwrittenBytes: limits.pageUnwrittenBytes,
      heldBytes: limits.pageHeldBytes,
      ...most,
    };
    this.held = new HeldBytes(this.#most.heldBytes);
    this.#disk = new PageDisk(directory);
    this.#journal = new MarkJournal(join(directory, 'tags.log'), this.marks, log);
  }

  /** Never rejects: what cannot be read is not there. */
  static async open(options: PageStoreOptions): Promise<PageStore> {
    const store = new PageStore(options);
    try {
      const { pages, lost } = await store.#disk.scan();
      for (const { drawer, id, sizeBytes } of pages) store.#add(drawer, id, sizeBytes);
      for (const name of lost) store.#drawer(name).lost = true;
      await store.#journal.open();
      store.#makeRoom();
    } catch (error) {
      store.#warn('kept pages cannot be read', error);
    }
    return store;
  }

  get usage(): { readonly pages: number; readonly bytes: number; readonly memoryBytes: number } {
    return { pages: this.#pages, bytes: this.#bytes, memoryBytes: this.#memoryBytes };
  }

  /** The answers of one deployment. `namespace`: its fingerprint. `scope`: whose tags call them back, its project. */
  shelf(namespace: string, scope: string): Shelf {
    const drawer = hash(namespace, 16);
    const name = `${drawer}\n${scope}`;
    let shelf = this.#shelves.get(name);
    if (shelf === undefined) {
      shelf = new Shelf(this, drawer, scope);
      this.#shelves.set(name, shelf);
    }
    return shelf;
  }

  /** From now on pages with one of these tags are shown once more while they are made anew. `*`: all of the scope. */
  invalidateByTags(scope: string, tags: readonly string[]): Promise<void> {
    return this.#journal.append(this.marks.invalidate(scope, calledTags(tags), this.clock.wallMs()));
  }

  /** From now on (after `deadlineMs`: until then as if invalidated) pages with one of these tags are not shown any more. */
  deleteByTags(scope: string, tags: readonly string[], deadlineMs = 0): Promise<void> {
    return this.#journal.append(this.marks.delete(scope, calledTags(tags), this.clock.wallMs(), deadlineMs));
  }

  /** Removes the answers of all other namespaces. */
  async retain(namespaces: readonly string[]): Promise<void> {
    const kept = new Set(namespaces.map((namespace) => hash(namespace, 16)));
    for (const name of this.#shelves.keys()) {
      if (kept.has(name.slice(0, 16))) continue;
      this.#shelves.get(name)!.close();
      this.#shelves.delete(name);
    }
    const gone = [...this.#drawers.values()].filter(({ name }) => !kept.has(name));
    for (const drawer of gone) {
      this.#drawers.delete(drawer.name);
      for (const stored of drawer.pages.values()) this.#forget(stored);
      drawer.pages.clear();
    }
    for (const { name } of gone) {
      // What is being written would make the directory anew.
      await this.#disk.idle(name);
      if (this.#drawers.has(name)) continue;
      await this.#disk.removeDrawer(name).catch((error: unknown) => this.#warn('kept pages stay', error));
    }
  }

  /** Resolves when all that was kept is on disk. */
  async settled(): Promise<void> {
    if (this.#writers > 0) await new Promise<void>((resolve) => void this.#quiet.push(resolve));
    await this.#disk.idle();
    await this.#journal.append([]);
  }

  /** For Shelf. */
  stored(drawer: string, key: string): StoredPage | null {
    return this.#drawers.get(drawer)?.pages.get(hash(key, 40)) ?? null;
  }

  /** For Shelf. False: there is too much to be written, or it is too large; what was kept before is gone. */
  put(drawer: string, key: string, page: KeptPage): boolean {
    const head = encodePageHead(key, page);
    const sizeBytes = head.length + page.body.length;
    const before = this.stored(drawer, key);
    const freed = before?.unwritten == null ? 0 : before.sizeBytes;
    const fits =
      page.body.length <= this.#most.bodyBytes &&
      head.length <= 4 * limits.pageHeadBytes &&
      this.#unwrittenBytes - freed + sizeBytes <= this.#most.unwrittenBytes;
    if (!fits) {
      if (before !== null) this.drop(before);
      return false;
    }
    const stored = before ?? this.#add(drawer, hash(key, 40), 0);
    this.#unwrittenBytes += sizeBytes - freed;
    this.#bytes += sizeBytes - stored.sizeBytes;
    stored.drawer.bytes += sizeBytes - stored.sizeBytes;
    stored.sizeBytes = sizeBytes;
    stored.unwritten = { key, page, head };
    stored.version += 1;
    stored.shared = null;
    // What is read now is what was before.
    stored.reading = null;
    stored.drawer.used.use(stored);
    this.#makeRoom();
    this.#write(stored);
    return true;
  }

  /** For Shelf. What it was when it was asked for. Null: the file is gone, or not whole: then it is not kept any more. */
  async read(stored: StoredPage, key: string): Promise<KeptPage | null> {
    if (!stored.removed) stored.drawer.used.use(stored);
    const held = stored.unwritten?.page ?? stored.shared?.deref();
    if (held !== undefined) return held;
    stored.reading ??= this.#readFile(stored, key);
    return await stored.reading;
  }

  /** For Shelf: pages were kept that no longer are. */
  lost(drawer: string): boolean {
    return this.#drawers.get(drawer)?.lost === true;
  }

  /** For Shelf. `wanted`: it is not lost, it is to go. */
  drop(stored: StoredPage, wanted = false): void {
    if (!wanted) this.#lose(stored.drawer);
    stored.drawer.pages.delete(stored.id);
    this.#forget(stored);
    if (!stored.writing) this.#unlink(stored);
  }

  /** For Shelf: `hot` came into memory. */
  warm(hot: HotPage): void {
    const bytes = hot.page.body.length + overheadBytes;
    this.#memoryBytes += bytes;
    hot.shelf.memory.bytes += bytes;
    hot.shelf.memory.used.add(hot);
    if (hot.stored !== null) hot.stored.hot = hot;
    while (this.#memoryBytes > this.#most.memoryBytes) {
      const { oldest } = mostOf(this.#shelves.values(), ({ memory }) => memory.bytes)!.memory.used;
      if (oldest === hot) return;
      this.cool(oldest!);
    }
  }

  /** For Shelf: it goes out of memory. */
  cool(hot: HotPage): void {
    if (hot.shelf.forget(hot)) {
      const bytes = hot.page.body.length + overheadBytes;
      this.#memoryBytes -= bytes;
      hot.shelf.memory.bytes -= bytes;
      hot.shelf.memory.used.remove(hot);
    }
    if (hot.stored?.hot === hot) hot.stored.hot = null;
  }

  /** For Shelf. */
  used(hot: HotPage): void {
    hot.shelf.memory.used.use(hot);
    if (hot.stored !== null) hot.stored.drawer.used.use(hot.stored);
  }

  /** For Shelf: may it stay in memory? */
  mayWarm(page: KeptPage): boolean {
    return page.body.length <= this.#most.hotBytes;
  }

  async #readFile(stored: StoredPage, key: string): Promise<KeptPage | null> {
    const { version } = stored;
    const most = this.#most.bodyBytes + 5 * limits.pageHeadBytes;
    const file = await this.#disk.read(stored.drawer.name, stored.id, most);
    const page = file === null ? null : decodePage(key, file);
    if (stored.version !== version) return page;
    stored.reading = null;
    if (page !== null) stored.shared = new WeakRef(page);
    else if (!stored.removed) {
      this.log.warn('a kept page is not whole: it is made anew', { file: `${stored.drawer.name}/${stored.id}` });
      this.drop(stored);
    }
    return page;
  }

  #drawer(name: string): Drawer {
    let drawer = this.#drawers.get(name);
    if (drawer === undefined) {
      drawer = { name, pages: new Map(), used: new Recency<StoredPage>(), bytes: 0, lost: false };
      this.#drawers.set(name, drawer);
    }
    return drawer;
  }

  #lose(drawer: Drawer): void {
    if (drawer.lost) return;
    drawer.lost = true;
    this.#disk.markLost(drawer.name).catch((error: unknown) => this.#warn('a restart will not know', error));
  }

  #add(name: string, id: string, sizeBytes: number): StoredPage {
    const drawer = this.#drawer(name);
    const stored: StoredPage = {
      drawer,
      id,
      sizeBytes,
      version: 0,
      unwritten: null,
      writing: false,
      removed: false,
      shared: null,
      reading: null,
      hot: null,
      before: null,
      after: null,
    };
    drawer.pages.set(id, stored);
    drawer.used.add(stored);
    drawer.bytes += sizeBytes;
    this.#pages += 1;
    this.#bytes += sizeBytes;
    return stored;
  }

  #makeRoom(): void {
    const { bytes, pages } = this.#most;
    while (this.#bytes > bytes || this.#pages > pages) {
      const isLength = this.#bytes > bytes;
      const drawer = mostOf(this.#drawers.values(), (one) => (isLength ? one.bytes : one.pages.size));
      if (drawer?.used.oldest == null) return;
      this.drop(drawer.used.oldest);
    }
  }

  /** All but the file. */
  #forget(stored: StoredPage): void {
    if (stored.removed) return;
    stored.removed = true;
    stored.drawer.used.remove(stored);
    stored.drawer.bytes -= stored.sizeBytes;
    this.#pages -= 1;
    this.#bytes -= stored.sizeBytes;
    if (stored.unwritten !== null) this.#unwrittenBytes -= stored.sizeBytes;
    stored.unwritten = null;
    if (stored.hot !== null) this.cool(stored.hot);
  }

  #write(stored: StoredPage): void {
    if (stored.writing || stored.removed) return;
    stored.writing = true;
    this.#queue.push(stored);
    if (this.#writers < limits.pageWrites) void this.#writeQueued();
  }

  async #writeQueued(): Promise<void> {
    this.#writers += 1;
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) await this.#writeOne(next);
    this.#writers -= 1;
    if (this.#writers === 0) for (const resolve of this.#quiet.splice(0)) resolve();
  }

  /** What is put while the one before is written is written next. */
  async #writeOne(stored: StoredPage): Promise<void> {
    for (let now = stored.unwritten; now !== null; now = stored.unwritten) {
      try {
        await this.#disk.write(stored.drawer.name, stored.id, [now.head, now.page.body]);
      } catch (error) {
        this.#warn('a page cannot be kept', error);
        stored.writing = false;
        if (!stored.removed) this.drop(stored);
        return;
      }
      if (stored.unwritten !== now) continue;
      this.#unwrittenBytes -= stored.sizeBytes;
      stored.unwritten = null;
    }
    stored.writing = false;
    if (stored.removed) this.#unlink(stored);
  }

  #unlink({ drawer, id }: StoredPage): void {
    // Unless another of the name has come since: it will be, or has been, written over it.
    if (this.#drawers.get(drawer.name)?.pages.has(id) === true) return;
    this.#disk.remove(drawer.name, id).catch((error: unknown) => this.#warn('a page stays on disk', error));
  }

  #warn(message: string, error: unknown): void {
    this.log.warn(message, { why: error instanceof Error ? error.message : String(error) });
  }
}

/** Of those with as much the first. Null: there are none. */
function mostOf<Item>(items: Iterable<Item>, amount: (item: Item) => number): Item | null {
  let found: Item | null = null;
  for (const item of items) if (found === null || amount(item) > amount(found)) found = item;
  return found;
}

const calledTags = (tags: readonly string[]): readonly string[] =>
  tags.filter((tag) => tag !== '' && Buffer.byteLength(tag) <= limits.pageTagBytes).slice(0, limits.pageTagsCalled);
