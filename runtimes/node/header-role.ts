// Hot path: once per header of an answer.
/** Names by length first: most headers are told apart without being lower-cased. */
export function roleOf(name: string): 'hop' | 'length' | 'field' {
  switch (name.length) {
    case 7:
      return name.toLowerCase() === 'trailer' ? 'hop' : 'field';
    case 10: {
      const lower = name.toLowerCase();
      return lower === 'connection' || lower === 'keep-alive' ? 'hop' : 'field';
    }
    case 14:
      return name.toLowerCase() === 'content-length' ? 'length' : 'field';
    case 16:
      return name.toLowerCase() === 'proxy-connection' ? 'hop' : 'field';
    case 17:
      return name.toLowerCase() === 'transfer-encoding' ? 'hop' : 'field';
    default:
      return 'field';
  }
}
