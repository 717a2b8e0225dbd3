import { HbnnError } from '@hbnn/core';

/** Where an S3-compatible store keeps the files of sweeps, and how it is spoken to. */
export interface StoreAddress {
  readonly bucket: string;
  /** What the names of all objects begin with: empty, or with `/` at its end. */
  readonly prefix: string;
  /** The server, without `/` at its end. */
  readonly endpoint: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  /** What may be printed. */
  readonly shown: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

const example = 's3://BUCKET/PREFIX';

/** Whether a place is the address of a store, not a folder. */
export const isStoreAddress = (text: string): boolean => /^s3:\/\//i.test(text);

/**
 * Read the address of a store, `s3://BUCKET/PREFIX`. Keys, region and server come from the variables that Amazon's own
 * tools read: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_REGION, AWS_ENDPOINT_URL_S3.
 *
 * @param where what errors call the address
 * @throws HbnnError for an address or variables that lead nowhere; it repeats no key
 */
export function storeAddress(
  text: string,
  where = '--shared',
  env: Environment = process.env,
): StoreAddress {
  const [, bucket, rest = ''] = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*))?$/i.exec(
    text,
  ) ?? [undefined, undefined];
  const parts = rest.split('/').filter((part) => part !== '');
  if (
    bucket === undefined ||
    !parts.every((part) => /^[\w.=-]+$/.test(part) && !/^\.+$/.test(part))
  )
    throw new HbnnError(
      `${where}: expected ${example} of letters, digits, '.', '-', '_' and '=', got another address; name the bucket and, behind it, a prefix or none`,
    );
  const region = env.AWS_REGION ?? env.AWS_DEFAULT_REGION ?? 'us-east-1';
  return {
    bucket,
    prefix: parts.map((part) => `${part}/`).join(''),
    endpoint: endpointFrom(env, region),
    region,
    accessKeyId: needed('AWS_ACCESS_KEY_ID', env, where),
    secretAccessKey: needed('AWS_SECRET_ACCESS_KEY', env, where),
    sessionToken: env.AWS_SESSION_TOKEN,
    shown: `s3://${[bucket, ...parts].join('/')}`,
  };
}

function endpointFrom(env: Environment, region: string): string {
  const variable =
    env.AWS_ENDPOINT_URL_S3 === undefined ? 'AWS_ENDPOINT_URL' : 'AWS_ENDPOINT_URL_S3';
  const given = env[variable];
  if (given === undefined) return `https://s3.${region}.amazonaws.com`;
  const url = URL.canParse(given) ? new URL(given) : undefined;
  const isPlain = url?.username === '' && url.password === '' && url.search === '';
  if (url !== undefined && /^https?:$/.test(url.protocol) && isPlain)
    return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
  throw new HbnnError(
    `${variable}: expected the address of a server, got another; give one such as https://minio.example:9000`,
  );
}

function needed(variable: string, env: Environment, where: string): string {
  const value = env[variable];
  if (value !== undefined && value !== '') return value;
  throw new HbnnError(
    `${where}: expected the key of the store in ${variable}, got none; set it, with the variables that Amazon's own tools read`,
  );
}
