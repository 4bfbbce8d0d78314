/** What a log line may carry besides its text. Never a secret: no header values, no environment, no token. */
type Fields = Readonly<Record<string, string | number | boolean | null | undefined>>;

export interface Log {
  debug(message: string, fields?: Fields): void;
  info(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  error(message: string, fields?: Fields): void;
}

export type Level = 'debug' | 'info' | 'warn' | 'error';
const ranks: Readonly<Record<Level, number>> = { debug: 0, info: 1, warn: 2, error: 3 };

/** A line a message: `level message key=value …`, written by `write` when at or above `lowest`. */
export function textLog(write: (line: string) => void, lowest: Level = 'info'): Log {
  const at = (level: Level) => (message: string, fields?: Fields) => {
    if (ranks[level] < ranks[lowest]) return;
    let line = level === 'info' ? message : `${level}: ${message}`;
    for (const [key, value] of Object.entries(fields ?? {})) {
      if (value !== undefined) line += ` ${key}=${JSON.stringify(value)}`;
    }
    write(line);
  };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

const ignore = (): void => undefined;
/** For tests and tools that look at outcomes, not at lines. */
export const silentLog: Log = { debug: ignore, info: ignore, warn: ignore, error: ignore };
