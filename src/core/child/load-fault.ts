/** Why a function cannot be loaded, in words for the one who wrote it: nothing of ours is part of its stack. */
export class LoadFault extends Error {
  override readonly name = 'LoadFault';

  constructor(message: string) {
    super(message);
    this.stack = message;
  }
}
