import { resolve } from 'node:path'
import {
  existingFolder,
  hostAddress,
  keyOf32Bytes,
  matching,
  oneOf,
  origins,
  outboundOrigins,
  postgresUrl,
  proxies,
  smtpUrl,
  wholeNumber,
} from './config/accepted.ts'
import { backupVariables } from './config/backup.ts'
import { invitationVariables } from './config/invitation.ts'
import { quarantineVariables } from './config/quarantine.ts'
import { option, setting } from './config/setting.ts'
import { refuseIncompleteSms, smsBy, smsVariables } from './config/sms.ts'
import { refuseIncompleteSso, ssoVariables } from './config/sso.ts'
import { watchingVariables } from './config/watching.ts'
import { startError } from './start-error.ts'

/** Everything that the environment decides; the README's configuration table shows the same rows. */
const variables = {
  port: setting({
    name: 'PORT',
    fallback: '8080',
    accepts: 'a port number from 0 to 65535',
    effect: 'Port to listen on; 0 picks a free one and prints it.',
    parse: wholeNumber(0, 65_535),
  }),
  host: setting({
    name: 'HOST',
    fallback: '127.0.0.1',
    accepts: 'an IP address or a host name',
    effect: 'Address to listen on: only this machine, unless 0.0.0.0 opens it to the network.',
    parse: matching(/^[\w.:-]+$/),
  }),
  baseUrl: option({
    name: 'BASE_URL',
    otherwise: 'http://localhost:PORT',
    accepts: 'an http or https URL without path, query or fragment, such as https://share.example.org',
    effect:
      'Address under which others reach this server: a host without a path, so without /fhir. Links and locations begin with it.',
    parse: hostAddress,
  }),
  trustProxy: setting({
    name: 'TRUST_PROXY',
    fallback: 'none',
    accepts: 'none, or addresses such as 127.0.0.1, 10.0.0.0/8 or loopback, separated by commas',
    effect:
      'Proxies whose X-Forwarded-For is believed. Limits, such as the one on attempts at passwords, are counted for the address that it names.',
    parse: proxies,
  }),
  dataDir: setting({
    name: 'DATA_DIR',
    fallback: './data',
    accepts: 'a folder',
    effect: 'Folder of the embedded PostgreSQL and of the generated key.',
    parse: text => resolve(text),
  }),
  databaseUrl: option({
    name: 'DATABASE_URL',
    otherwise: 'an embedded PostgreSQL in DATA_DIR',
    accepts: 'a URL such as postgres://user:password@host:5432/name, with a password p#ss as p%23ss',
    effect: 'PostgreSQL (16 to 18) to use instead of the embedded one.',
    parse: postgresUrl,
    secret: true,
  }),
  poolSize: setting({
    name: 'POOL_SIZE',
    fallback: '10',
    accepts: 'a whole number from 1 to 40',
    effect:
      'Most connections to PostgreSQL at the same time. There may be as many again for searches whose plans are kept, and some 15 more for the record of who read what and for background work.',
    parse: wholeNumber(1, 40),
  }),
  secretKey: option({
    name: 'SECRET_KEY',
    otherwise: 'the file secret.key, made in DATA_DIR',
    accepts: '32 random bytes as base64 or as 64 hexadecimal digits (openssl rand -base64 32)',
    effect: 'Key that encrypts page cursors and secrets in the database. Only it can decrypt them: keep a copy.',
    parse: keyOf32Bytes,
    secret: true,
  }),
  signUp: setting({
    name: 'SIGN_UP',
    fallback: 'invitation',
    accepts: 'one of open, invitation, closed',
    effect:
      'Who may make an account: `open`: anybody who reads the mail of an address; `invitation`: whoever was invited; `closed`: nobody.',
    parse: oneOf('open', 'invitation', 'closed'),
  }),
  ...ssoVariables,
  smtpUrl: setting({
    name: 'SMTP_URL',
    fallback: 'none',
    accepts: 'none, log, or a URL such as smtps://user:password@mail.example.org, with a password p#ss as p%23ss',
    effect:
      'Mail server that sends e-mail. Without one none is sent; on a server that only its own machine can reach, invitations are then shown at /outbox. `log` writes e-mail into the log, with the secrets in it: for development, on a server that listens only to its own machine.',
    parse: smtpUrl,
    secret: true,
  }),
  mailFrom: option({
    name: 'MAIL_FROM',
    otherwise: 'sharewell@ and the host of BASE_URL',
    accepts: 'an address such as Sharewell <hello@example.org>',
    effect: 'Sender of e-mail.',
    parse: matching(/^[^<>@\r\n]*<?[^\s<>@]+@[^\s<>@]+>?$/),
  }),
  ...smsVariables,
  ...invitationVariables,
  ...watchingVariables,
  omhSchemaDir: option({
    name: 'OMH_SCHEMA_DIR',
    otherwise: 'the schemas that come with the server',
    accepts: 'a folder that exists',
    effect: 'Folder of the official Open mHealth and IEEE 1752 schema files, which then take precedence.',
    parse: existingFolder,
  }),
  maxBodyBytes: setting({
    name: 'MAX_BODY_BYTES',
    fallback: '33554432',
    accepts: 'a whole number of bytes from 1024 to 536870912',
    effect:
      'Largest request body, counted after it is decompressed. A larger one is answered 413, and so is a change that would give a resource more characters than that.',
    parse: wholeNumber(1024, 536_870_912),
  }),
  maxRequestsInFlight: setting({
    name: 'MAX_REQUESTS_IN_FLIGHT',
    fallback: '500',
    accepts: 'a whole number from 1 to 100000',
    effect:
      'Most requests to the FHIR API that are worked on at the same time, of which three quarters may come from one person or client. Any more are answered 429 with Retry-After.',
    parse: wholeNumber(1, 100_000),
  }),
  maxUploadsInFlight: setting({
    name: 'MAX_UPLOADS_IN_FLIGHT',
    fallback: '24',
    accepts: 'a whole number from 1 to 1000',
    effect:
      'The same for requests with large bodies (over 256 KiB, or compressed and over 16), since those take memory. Besides, as many searches may be answered in lines (NDJSON) at the same time.',
    parse: wholeNumber(1, 1000),
  }),
  corsOrigins: setting({
    name: 'CORS_ORIGINS',
    fallback: '*',
    accepts: '* or origins such as https://app.example.org, separated by commas',
    effect: 'Web origins whose pages may call the server with a token.',
    parse: origins,
  }),
  referentialIntegrity: setting({
    name: 'REFERENTIAL_INTEGRITY',
    fallback: 'off',
    accepts: 'one of off, on',
    effect:
      '`on`: if a resource refers to others on this server, it is only written if they exist and its writer may read them.',
    parse: oneOf('off', 'on'),
  }),
  outboundOrigins: setting({
    name: 'OUTBOUND_ORIGINS',
    fallback: 'none',
    accepts: 'none, * or origins such as https://hooks.example.org or https://*.example.org, separated by commas',
    effect:
      'Servers that this one may send requests to, such as the rest-hooks of subscriptions, and the EHRs that managers set up. * means every public one by https. Only an origin named in full may be private or without TLS.',
    parse: outboundOrigins,
  }),
  clientRegistration: setting({
    name: 'CLIENT_REGISTRATION',
    fallback: 'open',
    accepts: 'one of open, closed',
    effect:
      'Whether apps may register themselves (`open` or `closed`). Such an app can ask its user for patient/ scopes, and gets nothing otherwise.',
    parse: oneOf('open', 'closed'),
  }),
  ...quarantineVariables,
  ...backupVariables,
  shutdownTimeoutMs: setting({
    name: 'SHUTDOWN_TIMEOUT_MS',
    fallback: '10000',
    accepts: 'a whole number of milliseconds from 0 to 600000',
    effect: 'How long a stop waits for requests and background work under way before it cuts them off.',
    parse: wholeNumber(0, 600_000),
  }),
}

type Variables = typeof variables
export type Config = { readonly [Name in keyof Variables]: ReturnType<Variables[Name]['read']> }
export type LogLevel = Config['logLevel']
type Environment = Readonly<Record<string, string | undefined>>

/**
 * Throws a start error that names the variable, the value and what is accepted. Empty means not set; a command may have
 * defaults of its own.
 */
export const readConfig = (environment: Environment = process.env, defaults: Environment = {}): Config => {
  const given = (name: string) => environment[name]?.trim() || defaults[name]
  const values = Object.entries(variables).map(([key, { name, read }]) => [key, read(given(name))])
  return refuseTogether(Object.fromEntries(values) as Config)
}

/** Refuses settings that contradict each other. */
const refuseTogether = (config: Config): Config => {
  const { signUp, smtpUrl, host, baseUrl } = config
  if (signUp === 'open' && smtpUrl === 'none')
    throw startError('SIGN_UP is "open", and who signs up is sent a link: set SMTP_URL to a mail server')
  if (config.ssoSignUp === 'invitation' && signUp === 'closed')
    throw startError(
      'SSO_SIGN_UP is "invitation", and SIGN_UP "closed" lets nobody be invited: set SSO_SIGN_UP to open or closed',
    )
  refuseIncompleteSso(config)
  refuseIncompleteSms(config)
  const isLocal = [host, new URL(baseUrl ?? 'http://localhost').hostname].every(name => thisMachine.includes(name))
  if (smtpUrl === 'log' && !isLocal)
    throw startError('SMTP_URL is "log", and links in a log are secrets: set it to a mail server, or HOST to 127.0.0.1')
  return config
}

/**
 * Whether invitations are shown on a page instead of being sent: if nothing could send them, and only this machine can reach the server, not even
 * others through a proxy. The links in them are secrets.
 */
export const hasOutbox = (config: Config): boolean => {
  const { smtpUrl, host, baseUrl, trustProxy } = config
  const sendsNothing = smtpUrl === 'none' && smsBy(config) === 'none'
  return sendsNothing && baseUrl === undefined && trustProxy.length === 0 && isThisMachine(host)
}

export const isThisMachine = (host: string): boolean => thisMachine.includes(host)

const thisMachine: readonly string[] = ['localhost', '127.0.0.1', '::1', '[::1]']

export const configurationTable: readonly {
  readonly name: string
  readonly default: string
  readonly effect: string
}[] = Object.values(variables).map(({ name, shown, effect }) => ({ name, default: shown, effect }))

/** The address that others use: BASE_URL, or else this machine and the port that the server really listens on. */
export const baseUrlOf = ({ baseUrl, host }: Config, port: number): string => {
  if (baseUrl !== undefined) return baseUrl
  const onlyName = ['127.0.0.1', '0.0.0.0', '::', '::1'].includes(host) ? 'localhost' : host
  return `http://${onlyName.includes(':') ? `[${onlyName}]` : onlyName}:${port}`
}
