import t from 'tap'
import { isFrameOrigin, problemsOf, type SaidEhr, usualScope } from '../../../src/auth/ehr/said-ehr.ts'

t.test('frames can be shown to one host that is named in full, with https, or to this machine', async t => {
  const taken = ['https://ehr.example.org', 'https://ehr.example.org:8443', 'https://[2001:db8::1]']
  const here = ['http://localhost', 'http://localhost:3000', 'http://127.0.0.1:3000', 'http://[::1]:3000']
  for (const origin of [...taken, ...here]) t.ok(isFrameOrigin(origin), origin)
  for (const origin of [
    'http://ehr.example.org',
    'http://localhost.example.org',
    'https://ehr.example.org/',
    'https://ehr.example.org:443',
    'https://EHR.example.org',
    'https://a:b@ehr.example.org',
    'https://*.example.org',
    'https://ehr.*.org',
    'ftp://localhost',
    'https://ehr.example.org https://evil.example',
    'https:',
    'https://',
    'ehr.example.org',
    'data:text/html,x',
    'null',
    '*',
    '',
  ])
    t.notOk(isFrameOrigin(origin), origin)
})

const said: SaidEhr = {
  issuer: 'https://ehr.example.org/fhir',
  clientId: 'sharewell',
  authentication: 'secret',
  secret: '',
  scope: usualScope,
  requiresNonce: true,
  enabled: true,
  frameOrigins: [],
}
const wrongWith = (otherwise: Partial<SaidEhr>, knowsSecret = true) =>
  problemsOf({ ...said, ...otherwise }, { refusalOf: () => undefined, knowsSecret }).map(one => one.expression)

t.test('a letter that cannot be sent to an EHR is named as what is wrong', async t => {
  const wrong = problemsOf(
    { ...said, clientId: 'Köln', secret: 'Grün' },
    { refusalOf: () => undefined, knowsSecret: true },
  )
  t.strictSame(
    wrong.map(one => [one.expression, one.message]),
    [
      [
        'client_id',
        'Enter the ID that the EHR has given Sharewell: letters and signs of ASCII, at most 255, without spaces',
      ],
      ['secret', 'A secret is letters and signs of ASCII, at most 1000'],
    ],
  )
})

t.test('an EHR can be set up with anything that can be sent to it and fits the stored lengths', async t => {
  const origins = (count: number) => Array.from({ length: count }, (_, at) => `https://${at}.example.org`)
  const ofLength = (length: number) => said.issuer.padEnd(length, 'x')
  for (const right of [
    {},
    { issuer: ofLength(1000) },
    { issuer: 'http://127.0.0.1:8090/fhir' },
    { clientId: 'c'.repeat(255) },
    { secret: '~'.repeat(1000) },
    { scope: usualScope.padEnd(1000, 'x') },
    { frameOrigins: origins(20) },
  ])
    t.strictSame(wrongWith(right), [], JSON.stringify(right).slice(0, 60))
  t.strictSame(wrongWith({ secret: 'known by now' }, false), [])
  t.strictSame(wrongWith({}, false), ['secret'])
  t.strictSame(wrongWith({ authentication: 'none' }, false), [])
  for (const issuer of [
    ofLength(1001),
    'https://ehr.example.org/a b',
    'xhttps://ehr.example.org',
    'httpsx://ehr',
    '/fhir',
  ])
    t.strictSame(wrongWith({ issuer }), ['issuer'], issuer.slice(0, 60))
  for (const clientId of ['c'.repeat(256), 'größe', 'a\n']) t.strictSame(wrongWith({ clientId }), ['client_id'])
  for (const secret of ['s'.repeat(1001), 'größe', 'a\r\nHost: evil']) t.strictSame(wrongWith({ secret }), ['secret'])
  for (const scope of ['xopenid launch', 'openid größe', usualScope.padEnd(1001, 'x')])
    t.strictSame(wrongWith({ scope }), ['scope'], scope.slice(0, 60))
  t.strictSame(wrongWith({ frameOrigins: origins(21) }), ['frame_origins'])
  t.strictSame(wrongWith({ frameOrigins: [...origins(1), 'http://1.example.org'] }), ['frame_origins'])
})
