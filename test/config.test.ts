import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { generate } from 'selfsigned'
import t from 'tap'
import { baseUrlOf, configurationTable, readConfig } from '../src/config.ts'
import { isStartError } from '../src/start-error.ts'

t.test('with an empty environment everything has its default', async t => {
  const { port, host, databaseUrl, baseUrl, secretKey, logLevel } = readConfig({})
  t.same({ port, host, logLevel }, { port: 8080, host: '127.0.0.1', logLevel: 'info' })
  t.same([databaseUrl, baseUrl, secretKey], [undefined, undefined, undefined])
})

t.test('an empty value counts as not set', async t => {
  const { port, databaseUrl } = readConfig({ PORT: '', DATABASE_URL: ' ' })
  t.same([port, databaseUrl], [8080, undefined])
})

t.test('a wrong value is refused in one line with the name, the value and what is accepted', async t => {
  const wrong: readonly (readonly [string, string, RegExp])[] = [
    ['PORT', '70000', /^PORT is "70000"; it must be a port number from 0 to 65535$/],
    ['PORT', '80a', /^PORT is "80a"/],
    ['HOST', 'a b', /^HOST is "a b"/],
    ['BASE_URL', 'ftp://x.org', /^BASE_URL is "ftp:\/\/x.org"/],
    ['BASE_URL', 'https://x.org/?a=b', /^BASE_URL /],
    [
      'BASE_URL',
      'https://x.org/health/',
      /^BASE_URL is "https:\/\/x.org\/health\/"; it must be an http or https URL without path, /,
    ],
    ['LOG_LEVEL', 'loud', /^LOG_LEVEL is "loud"; it must be one of fatal, error/],
    ['OMH_SCHEMA_DIR', '/not/there', /^OMH_SCHEMA_DIR is "\/not\/there"; it must be a folder that exists$/],
    ['CORS_ORIGINS', 'https://a.org, b', /^CORS_ORIGINS /],
    ['MAX_BODY_BYTES', '12', /^MAX_BODY_BYTES is "12"/],
    ['PHONE_COUNTRY', 'ch', /^PHONE_COUNTRY is "ch"; it must be the two capital letters of a country, such as CH$/],
    ['PHONE_COUNTRY', 'XX', /^PHONE_COUNTRY /],
    ['INVITATION_DAYS', '0', /^INVITATION_DAYS is "0"; it must be a whole number of days from 1 to 90$/],
    ['REFERENTIAL_INTEGRITY', 'true', /^REFERENTIAL_INTEGRITY is "true"; it must be one of off, on$/],
    ['TRUST_PROXY', 'yes', /^TRUST_PROXY is "yes"; it must be none, or addresses/],
    ['TRUST_PROXY', '10.0.0.0/33', /^TRUST_PROXY /],
    ['SIGN_UP', 'yes', /^SIGN_UP is "yes"; it must be one of open, invitation, closed$/],
    [
      'OIDC_ISSUER',
      'idp.example.org',
      /^OIDC_ISSUER is "idp.example.org"; it must be the issuer as the provider writes it/,
    ],
    ['OIDC_ISSUER', 'https://idp.example.org/?tenant=1', /^OIDC_ISSUER /],
    ['SSO_DOMAINS', '@example.org', /^SSO_DOMAINS is "@example.org"; it must be domains of e-mail addresses/],
    ['SSO_DOMAINS', 'example.org,', /^SSO_DOMAINS /],
    ['SSO_SIGN_UP', 'yes', /^SSO_SIGN_UP is "yes"; it must be one of open, invitation, closed$/],
    ['SSO_SECOND_FACTOR', 'yes', /^SSO_SECOND_FACTOR is "yes"; it must be one of none, told, always$/],
    ['MAIL_FROM', 'nobody', /^MAIL_FROM is "nobody"; it must be an address such as/],
    ...[
      'https://a.org/path',
      'a.org',
      'https://A.org',
      'https://a.org:443',
      'https://a.org https://b.org',
      'none,https://a.org',
      '*.a.org',
      'ftp://a.org',
      'https://a.org,',
    ].map(text => ['OUTBOUND_ORIGINS', text, /^OUTBOUND_ORIGINS is .*; it must be none, \* or origins/] as const),
  ]
  for (const [name, value, line] of wrong) {
    t.throws(() => readConfig({ [name]: value }), { message: line }, `${name}=${value}`)
  }
})

t.test('a wrong secret is refused without repeating it', async t => {
  for (const [name, value] of [
    ['SECRET_KEY', 'hunter2'],
    ['METRICS_TOKEN', 'hunter2'],
    ['METRICS_TOKEN', `${'x'.repeat(40)} hunter2`],
    ['DATABASE_URL', 'mysql://root:hunter2@db'],
    ['DATABASE_URL', 'postgres://root:hunter2#@db/name'],
    ['DATABASE_URL', 'postgres://root:50%hunter2@db/name'],
    ['DATABASE_URL', 'postgres://root:5/hunter2@db/name'],
    ['DATABASE_URL', 'postgres://root:5#hunter2@db/name'],
    ['SMTP_URL', 'https://root:hunter2@mail.example.org'],
    ['SMTP_URL', 'smtp://root:5/hunter2@mail.example.org'],
    ['SMTP_URL', 'smtp://root:5#hunter2@mail.example.org'],
    ['OIDC_CLIENT_SECRET', 'hunter2\u0000'],
  ] as const) {
    try {
      readConfig({ [name]: value })
      t.fail(`${name} was accepted`)
    } catch (error) {
      t.ok(isStartError(error))
      t.notMatch(String(error), /hunter2/)
      if (name.endsWith('_URL')) t.match(String(error), /; it must be .* with a password p#ss as p%23ss$/)
    }
  }
})

t.test('the URL of a database may name a socket, options and a percent-encoded password', async t => {
  for (const url of [
    'postgres://user:p%23ss%2F%25@db.example.org:5432/name?sslmode=verify-full&sslrootcert=/etc/sharewell/ca.pem',
    'postgresql://user@%2Fvar%2Frun%2Fpostgresql/name',
    'postgres:///name?host=/var/run/postgresql',
    'postgres://user@db.example.org',
  ])
    t.equal(readConfig({ DATABASE_URL: url }).databaseUrl, url)
})

const oidc = {
  OIDC_ISSUER: 'https://idp.example.org/realms/staff/',
  OIDC_CLIENT_ID: 'sharewell',
  OIDC_CLIENT_SECRET: 'hunter2',
  SSO_DOMAINS: 'Example.org, lab.example.org',
}

t.test('an identity provider is configured completely, or not at all', async t => {
  t.has(readConfig(oidc), {
    oidcIssuer: 'https://idp.example.org/realms/staff/',
    ssoDomains: ['example.org', 'lab.example.org'],
    ssoSignUp: undefined,
    ssoSecondFactor: 'none',
  })
  const without: Readonly<Record<string, RegExp>> = {
    OIDC_ISSUER: /^OIDC_CLIENT_ID is set without OIDC_ISSUER$/,
    OIDC_CLIENT_ID: /^OIDC_ISSUER is set without OIDC_CLIENT_ID$/,
    OIDC_CLIENT_SECRET: /^OIDC_ISSUER is set without OIDC_CLIENT_SECRET$/,
    SSO_DOMAINS: /^OIDC_ISSUER is set without SSO_DOMAINS/,
  }
  for (const [name, message] of Object.entries(without))
    t.throws(() => readConfig({ ...oidc, [name]: '' }), { message }, name)
  t.throws(() => readConfig({ ...oidc, SIGN_UP: 'closed', SSO_SIGN_UP: 'invitation' }), {
    message: /^SSO_SIGN_UP is "invitation", and SIGN_UP "closed" lets nobody be invited/,
  })
  const plain = { ...oidc, OIDC_ISSUER: 'http://10.0.0.7:8080/realms/staff' }
  t.throws(() => readConfig(plain), {
    message: /^OIDC_ISSUER is without TLS: .* allow http:\/\/10.0.0.7:8080 by OUTBOUND/,
  })
  t.match(readConfig({ ...plain, OUTBOUND_ORIGINS: 'http://10.0.0.7:8080' }), { oidcIssuer: plain.OIDC_ISSUER })
})

t.test('a provider that speaks SAML is configured completely, or not at all, and not beside another', async t => {
  const folder = t.testdir({
    'no.pem': 'nothing',
    'half.pem': '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----',
  })
  const pem = async (name: string, keySize: number) => {
    const { cert } = await generate([{ name: 'commonName', value: 'idp' }], { algorithm: 'sha256', keySize })
    await writeFile(join(folder, name), cert)
    return cert
  }
  const certificate = await pem('idp.pem', 2048)
  await pem('weak.pem', 1024)
  const saml = {
    SAML_ENTITY_ID: 'https://idp.example.org/saml',
    SAML_SIGN_IN_URL: 'https://idp.example.org/saml/sso?tenant=1',
    SAML_CERTIFICATE: join(folder, 'idp.pem'),
    SSO_DOMAINS: 'example.org',
  }
  t.same(readConfig(saml).samlCertificate, [certificate.trim()])
  const wrong: readonly (readonly [string, string, RegExp])[] = [
    ['SAML_ENTITY_ID', '', /^SAML_SIGN_IN_URL is set without SAML_ENTITY_ID$/],
    ['SAML_SIGN_IN_URL', '', /^SAML_ENTITY_ID is set without SAML_SIGN_IN_URL$/],
    ['SAML_SIGN_IN_URL', 'http://idp.example.org/saml', /^SAML_SIGN_IN_URL is .*; it must be an https URL$/],
    ['SAML_CERTIFICATE', '', /^SAML_ENTITY_ID is set without SAML_CERTIFICATE$/],
    ...['no', 'half', 'weak', 'absent'].map(
      file =>
        ['SAML_CERTIFICATE', join(folder, `${file}.pem`), /^SAML_CERTIFICATE is .* of 2048 bits or more$/] as const,
    ),
    ['SSO_DOMAINS', '', /^SAML_ENTITY_ID is set without SSO_DOMAINS/],
    ['OIDC_ISSUER', oidc.OIDC_ISSUER, /^OIDC_ISSUER and SAML_ENTITY_ID are both set/],
  ]
  for (const [name, value, message] of wrong)
    t.throws(() => readConfig({ ...saml, [name]: value }), { message }, `${name}=${value}`)
})

t.test('without mail nobody can be invited to sign up, and no secret goes to a log that others may read', async t => {
  t.throws(() => readConfig({ SIGN_UP: 'open' }), { message: /^SIGN_UP is "open", .*: set SMTP_URL to a mail server$/ })
  t.match(readConfig({ SIGN_UP: 'open', SMTP_URL: 'log' }), { signUp: 'open', smtpUrl: 'log' })
  for (const public_ of [{ HOST: '0.0.0.0' }, { BASE_URL: 'https://share.example.org' }])
    t.throws(() => readConfig({ SMTP_URL: 'log', ...public_ }), {
      message: /^SMTP_URL is "log", and links in a log are secrets/,
    })
  t.match(readConfig({ SMTP_URL: 'log', HOST: '::1', BASE_URL: 'http://localhost:3000' }), { smtpUrl: 'log' })
})

t.test('proxies are addresses, blocks of addresses, or names of blocks', async t => {
  t.same(readConfig({}).trustProxy, [])
  t.same(readConfig({ TRUST_PROXY: 'loopback, 10.0.0.0/8,fd00::/8' }).trustProxy, [
    'loopback',
    '10.0.0.0/8',
    'fd00::/8',
  ])
})

t.test('a key is 32 bytes, as base64 or as hexadecimal digits', async t => {
  const key = Buffer.alloc(32, 0xab)
  t.same(readConfig({ SECRET_KEY: key.toString('hex') }).secretKey, key)
  t.same(readConfig({ SECRET_KEY: key.toString('base64') }).secretKey, key)
})

t.test('others reach the server at BASE_URL, else at its own name and the real port', async t => {
  t.equal(baseUrlOf(readConfig({ BASE_URL: 'https://share.example.org/' }), 1), 'https://share.example.org')
  t.equal(baseUrlOf(readConfig({}), 4711), 'http://localhost:4711')
  t.equal(baseUrlOf(readConfig({ HOST: '0.0.0.0' }), 80), 'http://localhost:80')
  t.equal(baseUrlOf(readConfig({ HOST: 'fd00::1' }), 80), 'http://[fd00::1]:80')
})

t.test('each variable is in the table once, with a default and an effect', async t => {
  const names = configurationTable.map(({ name }) => name)
  t.same(names, [...new Set(names)])
  for (const { name, default: shown, effect } of configurationTable) t.ok(shown && effect.endsWith('.'), name)
})
