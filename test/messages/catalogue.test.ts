import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { wordsFor } from '../../src/messages/catalogue.ts'

const folder = join(import.meta.dirname, '../../src/messages/catalogue')
const textsOf = (file: string): Readonly<Record<string, string>> => JSON.parse(readFileSync(join(folder, file), 'utf8'))
const placeholders = (text = '') => (text.match(/\{\w+\}/g) ?? []).toSorted()

t.test('each language has every text that English has, with the same values', async t => {
  const english = textsOf('en.json')
  for (const file of readdirSync(folder)) {
    const texts = textsOf(file)
    const said = Object.keys(texts).filter(key => !key.startsWith('kind.'))
    t.same(said.toSorted(), Object.keys(english).toSorted(), file)
    for (const key of said) t.same(placeholders(texts[key]), placeholders(english[key]), `${file}: ${key}`)
  }
})

t.test('no heading and no button breaks within “e-mail”', async t => {
  const english = textsOf('en.json')
  const web = join(import.meta.dirname, '../../src/web')
  const sources = readdirSync(web, { recursive: true, encoding: 'utf8' }).filter(file => file.endsWith('.ts'))
  const shown =
    /(?:<h\d[^>]*>|<button[^>]*>|\btitle: |\btitle = |\bbutton: |sendSimple\(\s*reply(?:\.code\(\d+\))?,\s*)(?:\$\{)?(?:say|words\.say)\(([^)]*)\)/g
  const keys = sources.flatMap(file =>
    [...readFileSync(join(web, file), 'utf8').matchAll(shown)].flatMap(([, said = '']) =>
      [...said.matchAll(/'([\w.-]+)'/g)].map(([, key = '']) => key),
    ),
  )
  t.ok(keys.includes('email.title') && keys.includes('sign-up.send') && keys.includes('email.is-taken'))
  for (const key of keys) t.notMatch(english[key] ?? '', /e-mail/i, key)
  for (const file of sources)
    t.notMatch(
      readFileSync(join(web, file), 'utf8'),
      /<(h\d|button)[^>]*>[^<]*e-mail|(title|button): '[^']*e-mail/i,
      file,
    )
})

t.test('what follows the greeting of a Spanish letter begins like a sentence', async t => {
  for (const [key, text] of Object.entries(textsOf('es.json'))) t.notMatch(text, /^Hola:\s+\p{Ll}/u, key)
})

t.test('the browser’s language decides, as far as it is known', async t => {
  const cases: readonly (readonly [asked: string | undefined, code: string])[] = [
    [undefined, 'en'],
    ['', 'en'],
    ['de, fr;q=0.9', 'en'],
    ['es-MX', 'es'],
    ['de, es;q=0.8, en;q=0.5', 'es'],
    ['en;q=0.5, es;q=0.8', 'es'],
    ['es;q=0, en', 'en'],
    ['../es', 'en'],
  ]
  for (const [asked, code] of cases) t.equal(wordsFor(asked).code, code, String(asked))
})

t.test('no name reverses the text beside it, whatever it contains', async t => {
  const { say } = wordsFor('en')
  const cases: readonly (readonly [who: string, said: string])[] = [
    ['Ann', 'To Ann'],
    ['\u202eAnn', 'To Ann'],
    ['A\u202anna\u202c \u2067B', 'To Anna B'],
    ['\u2069\u202eAnn', 'To Ann'],
    ['\u2068Ann\u2069', 'To \u2068Ann\u2069'],
    ['\u05d0\u05e0\u05d4', 'To \u2068\u05d0\u05e0\u05d4\u2069'],
    ['\u05d0\u202e 1', 'To \u2068\u05d0 1\u2069'],
  ]
  for (const [who, said] of cases) t.equal(say('sharing.to', { who }), said, JSON.stringify(who))
})

t.test('values are placed where they belong, and are not patterns themselves', async t => {
  const { say, kind, day } = wordsFor('es')
  t.equal(say('sharing.to', { who: '{who} $& <b>' }), 'Con {who} $& <b>')
  t.equal(kind('omh:heart-rate', 'Heart rate'), 'Frecuencia cardíaca')
  t.equal(kind('omh:unheard-of', 'Unheard of'), 'Unheard of')
  t.equal(day(new Date('2026-01-31T23:30:00Z')), '31 de enero de 2026')
})
