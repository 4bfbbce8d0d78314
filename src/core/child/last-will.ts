import { spawn } from 'node:child_process';
import { Socket } from 'node:net';

/** Reads which groups run and which are gone; at the end of what it reads, ends those that are left. Signals are not for it. */
const script = `
trap '' TERM INT HUP
left=' '
while read -r what group; do
  case $what in
    runs) left="$left$group " ;;
    gone) left="\${left%% $group *} \${left#* $group }" ;;
  esac
done
for group in $left; do kill -s KILL -- "-$group"; done`;

/**
 * Sees to it that process groups do not outlive this process, however it ends: by SIGKILL, too, and together with whoever
 * started it. A shell of its own, 1 MB, which notices the end of its input.
 */
export class LastWill {
  readonly #input: Socket | null;
  readonly #groups = new Set<number>();

  constructor() {
    const shell = spawn('/bin/sh', ['-c', script], { stdio: ['pipe', 'ignore', 'ignore'], env: {}, detached: true });
    // Without one there is still the provider, which knows the groups too.
    shell.on('error', () => undefined);
    shell.unref();
    this.#input = shell.stdin instanceof Socket ? shell.stdin : null;
    this.#input?.on('error', () => undefined);
    this.#input?.unref();
  }

  runs(group: number): void {
    this.#groups.add(group);
    this.#input?.write(`runs ${group}\n`);
  }

  gone(group: number): void {
    if (this.#groups.delete(group)) this.#input?.write(`gone ${group}\n`);
  }
}
