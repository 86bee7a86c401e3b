import { gzipSync } from 'node:zlib'
import t from 'tap'
import { wordsOf } from '../../support/browser.ts'
import { openInvited } from '../invited.ts'

const world = await openInvited()
const { server, staff, study } = world
t.teardown(world.close)

const type = 'multipart/form-data; boundary=line'
const part = (name: string, value: string, more = '') =>
  `--line\r\ncontent-disposition: form-data; name="${name}"${more}\r\n\r\n${value}\r\n`
const listOf = (bytes: number) => part('file', 'a'.repeat(bytes), '; filename="patients.csv"')
const form = `${part('study', '')}${listOf(100)}--line--\r\n`
/** Sends what no browser sends; if nobody is signed in, without cookies. */
const send = async (
  payload: string | Buffer,
  headers: Readonly<Record<string, string>> = {},
  { url = '/patients/imports', isSignedIn = true } = {},
) => {
  const cookie = [...staff.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  const { statusCode, body } = await server.inject({
    method: 'POST',
    url,
    headers: { 'content-type': type, ...(isSignedIn && { cookie }), ...headers },
    payload,
  })
  return { status: statusCode, words: wordsOf({ body }) }
}

const illFormed: readonly (readonly [string, string | Buffer, Readonly<Record<string, string>>?])[] = [
  ['cut off in the file', `${part('study', '')}${listOf(100)}`],
  ['cut off in a large file', listOf(1_000_000)],
  ['cut off in a field', '--line\r\ncontent-disposition: form-data; name="study"\r\n\r\nhalf a'],
  ['cut off in the head of a part', '--line\r\ncontent-dispo'],
  ['without its last line', `${part('study', '')}--line`],
  ['without a boundary', form, { 'content-type': 'multipart/form-data' }],
  ['with the boundary of another form', form, { 'content-type': 'multipart/form-data; boundary=other' }],
  ['not in parts at all', 'study=&file='],
  [
    'with a boundary that is far too long',
    form,
    { 'content-type': `multipart/form-data; boundary=${'b'.repeat(300)}` },
  ],
]

for (const [how, body, headers] of illFormed)
  t.test(`a form with a file that is ${how} is answered as malformed, and not as a fault`, async t => {
    for (const url of ['/patients/imports', `/studies/${study.id}/people/1/paper`]) {
      const { status, words } = await send(body, headers, { url })
      t.equal(status, 400, words)
      t.match(words, /We could not understand what your browser sent/)
    }
    t.match(await send(body, headers, { isSignedIn: false }), { status: /^(303|400|401)$/ }, 'nor without a session')
  })

t.test('a form with a file that is compressed is refused at once, however large it is', async t => {
  for (const encoding of ['gzip', 'deflate', 'gzip, gzip', 'br'])
    for (const bytes of [100, 5_000_000]) {
      const whole = Buffer.from(`${listOf(bytes)}--line--\r\n`)
      const { status, words } = await send(gzipSync(whole, { level: 0 }), { 'content-encoding': encoding })
      t.equal(status, 415, words)
    }
})

t.test('a part with an invalid head is left out, and an empty form is a form', async t => {
  t.equal((await send('--line\r\nno head\r\n\r\nx\r\n--line--\r\n')).status, 403, 'without its token')
  t.equal((await send('')).status, 403)
})
