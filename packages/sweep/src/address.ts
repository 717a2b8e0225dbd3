import { HbnnError } from '@hbnn/core';

/** Where a queue is. */
export interface QueueAddress {
  readonly host: string;
  readonly port: number;
  readonly db: number;
  readonly username?: string;
  readonly password?: string;
  readonly tls: boolean;
  /** What may be printed: the server without user and password. */
  readonly shown: string;
}

/** The variables of the environment that user and password may come from. */
const [userVariable, passwordVariable] = ['HBNN_QUEUE_USER', 'HBNN_QUEUE_PASSWORD'];

const example = 'redis://127.0.0.1:6379, or rediss:// for TLS';

/**
 * Read where a queue is: `redis://USER:PASSWORD@HOST:PORT/DATABASE`, all but the host optional. User and password that
 * the address lacks come from HBNN_QUEUE_USER and HBNN_QUEUE_PASSWORD.
 *
 * @param where what errors call the address
 * @throws HbnnError that does not repeat what was given, which may hold a password
 */
export function queueAddress(
  text: string,
  where = '--queue',
  env: Readonly<Record<string, string | undefined>> = process.env,
): QueueAddress {
  const url = checkedUrl(text, where);
  const database = url.pathname.replace(/^\//, '');
  if (!/^\d{0,4}$/.test(database))
    throw new HbnnError(
      `${where}: expected the number of a database after the host, got other text; give one such as /0, or none`,
    );
  const [port, db] = [Number(url.port || 6379), Number(database)];
  const part = (value: string): string | undefined => (value === '' ? undefined : decoded(value));
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port,
    db,
    username: part(url.username) ?? env[userVariable],
    password: part(url.password) ?? env[passwordVariable],
    tls: url.protocol === 'rediss:',
    shown: `${url.protocol}//${url.hostname}:${port}${db === 0 ? '' : `/${db}`}`,
  };
}

function checkedUrl(text: string, where: string): URL {
  if (!URL.canParse(text))
    throw new HbnnError(
      `${where}: expected the address of a Redis server, got other text; give one such as ${example}`,
    );
  const url = new URL(text);
  const { protocol } = url;
  if (protocol !== 'redis:' && protocol !== 'rediss:')
    throw new HbnnError(
      `${where}: expected redis:// or rediss://, got ${protocol}//; give an address such as ${example}`,
    );
  if (url.hostname === '')
    throw new HbnnError(`${where}: expected a host, got none; give one such as ${example}`);
  if (url.search !== '' || url.hash !== '')
    throw new HbnnError(
      `${where}: expected nothing behind host, port and database, got options; leave them out`,
    );
  return url;
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    // A percent sign that begins no code stands for itself.
    return value;
  }
}
