import { hkdfSync, randomUUID } from 'node:crypto'
import jose from 'node-jose'
import t from 'tap'
import type { Caller } from '../../../src/access/caller.ts'
import { parseScopes } from '../../../src/access/scope.ts'
import { openCursors } from '../../../src/interactions/search/cursor.ts'

const secretKey = new Uint8Array(32).fill(1)
const caller = (scopes: string, id = 'a'): Caller => ({
  principal: { kind: 'person', id },
  client: { id: 'cli', policies: new Set() },
  administrator: false,
  organizations: [],
  scopes: parseScopes(scopes),
})
const cursor = { path: 'Observation', query: 'code=8867-4', page: 'p2' }
const cursors = openCursors(secretKey)(caller('user/*.rs'))

t.test('an independent implementation decrypts a cursor with the key, and gets what was sealed', async t => {
  const key = Buffer.from(hkdfSync('sha256', secretKey, '', 'search cursor', 32)).toString('base64url')
  const opened = await jose.JWE.createDecrypt(await jose.JWK.asKey({ kty: 'oct', k: key })).decrypt(
    cursors.seal(cursor),
  )
  t.match(opened.header, { alg: 'dir', enc: 'A256GCM' })
  t.match(JSON.parse(opened.payload.toString()), cursor)
})

t.test('a long search is compressed, as the standard defines, and can be opened nevertheless', async t => {
  const query = new URLSearchParams({ patient: Array.from({ length: 2000 }, () => randomUUID()).join() }).toString()
  const text = cursors.seal({ ...cursor, query })
  t.ok(text.length < 60_000, `${text.length} characters`)
  t.match(cursors.open(text, 'Observation'), { ...cursor, query })
  t.throws(() => openCursors(secretKey)(caller('user/*.rs', 'b')).open(text, 'Observation'), {
    name: 'FhirError',
    status: 400,
  })
  const key = Buffer.from(hkdfSync('sha256', secretKey, '', 'search cursor', 32)).toString('base64url')
  const opened = await jose.JWE.createDecrypt(await jose.JWK.asKey({ kty: 'oct', k: key })).decrypt(text)
  t.match(opened.header, { alg: 'dir', enc: 'A256GCM', zip: 'DEF' })
  t.match(JSON.parse(opened.payload.toString()), { ...cursor, query })
})

t.test('without the key a cursor reveals nothing', async t => {
  const text = cursors.seal(cursor)
  const parts = text.split('.').map(part => Buffer.from(part, 'base64url').toString('latin1'))
  t.notMatch(parts.join(), /8867|Observation|p2/)
})

t.test('it can be opened for the same caller, scopes and path only', async t => {
  const text = cursors.seal(cursor)
  t.match(cursors.open(text, 'Observation'), cursor)
  t.match(openCursors(secretKey)(caller('user/*.rs')).open(text, 'Observation'), cursor)
  const refused = { name: 'FhirError', status: 400 }
  t.throws(() => cursors.open(text, 'Patient'), refused)
  t.throws(() => openCursors(secretKey)(caller('user/*.rs', 'b')).open(text, 'Observation'), refused)
  t.throws(() => openCursors(secretKey)(caller('user/*.r')).open(text, 'Observation'), refused)
  t.throws(() => openCursors(new Uint8Array(32))(caller('user/*.rs')).open(text, 'Observation'), refused)
})

t.test('nor by the same person through another client, in another place, or with another query', async t => {
  const own = { ...caller('patient/Observation.rs?code=8867-4'), practitioner: '1', patient: '2', study: '3' }
  const text = openCursors(secretKey)(own).seal(cursor)
  const open = (otherwise: Partial<Caller>) =>
    openCursors(secretKey)({ ...own, ...otherwise }).open(text, 'Observation')
  t.match(open({}), cursor)
  const others: readonly Partial<Caller>[] = [
    { principal: { kind: 'patient', id: 'a' } },
    { client: { id: 'pages', policies: new Set() } },
    { practitioner: '2' },
    { patient: '3' },
    { study: '4' },
    { scopes: parseScopes('user/Observation.rs?code=8867-4') },
    { scopes: parseScopes('patient/Patient.rs') },
    { scopes: parseScopes('patient/Observation.rs?code=8310-5') },
    { scopes: parseScopes('patient/Observation.rs') },
  ]
  for (const otherwise of others)
    t.throws(() => open(otherwise), { name: 'FhirError', status: 400 }, JSON.stringify(otherwise))
})

t.test('a cursor is refused if the proof that it was sealed here is cut short', async t => {
  const parts = cursors.seal(cursor).split('.')
  for (const bytes of [4, 8, 12, 15]) {
    const short = Buffer.from(parts.at(-1) ?? '', 'base64url')
      .subarray(0, bytes)
      .toString('base64url')
    t.throws(() => cursors.open([...parts.slice(0, -1), short].join('.'), 'Observation'), {
      name: 'FhirError',
      status: 400,
    })
  }
})

t.test('a changed, foreign or old cursor is refused', async t => {
  const text = cursors.seal(cursor)
  const parts = text.split('.')
  const refused = { name: 'FhirError', status: 400 }
  for (const index of [0, 2, 3, 4]) {
    const changed = parts.map((part, at) =>
      at === index ? `${part.startsWith('A') ? 'B' : 'A'}${part.slice(1)}` : part,
    )
    t.throws(() => cursors.open(changed.join('.'), 'Observation'), refused)
  }
  t.throws(() => cursors.open('nonsense', 'Observation'), refused)
  const tomorrow = openCursors(secretKey, () => Date.now() + 25 * 60 * 60 * 1000)(caller('user/*.rs'))
  t.throws(() => tomorrow.open(text, 'Observation'), refused)
})
