// A thread that recalls: every stream of the rounds it is told, while the main thread begins them.
import { parentPort, workerData } from 'node:worker_threads';
import { Claims, type Recalled } from './claims.ts';

const { memory, slots } = workerData as { memory: SharedArrayBuffer; slots: number };
const claims = new Claims(memory, 0, slots);
const gate = new Int32Array(memory, Claims.bytes(slots), 1);

parentPort?.on('message', (round: number) => {
  Atomics.add(gate, 0, 1);
  while (Atomics.load(gate, 0) < 2 * round);
  const found: Recalled[] = [];
  for (let slot = slots - 1; slot >= 0; slot -= 1) found[slot] = claims.recall((round << 16) | slot);
  parentPort?.postMessage(found);
});
