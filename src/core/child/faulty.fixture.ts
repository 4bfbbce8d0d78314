// The host, with a fault of its own: an instance whose memory is limited throws, at once or in a callback of later.
import { HostedInstance } from './hosted.ts';

HostedInstance.prototype.limitMemory = (memoryMiB: number): void => {
  if (memoryMiB === 1) throw new Error('at once');
  if (memoryMiB === 2) setTimeout(() => fail('later'), 1);
  if (memoryMiB === 3) void Promise.resolve().then(() => fail('rejected'));
};

function fail(text: string): never {
  throw new Error(text);
}

await import('./main.ts');
