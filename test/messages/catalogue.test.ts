import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { withAsciiDigits } from '../../src/messages/ascii-digits.ts'
import { wordsFor, wordsIn } from '../../src/messages/catalogue.ts'

const folder = join(import.meta.dirname, '../../src/messages/catalogue')
const textsOf = (file: string): Readonly<Record<string, string>> => JSON.parse(readFileSync(join(folder, file), 'utf8'))
const placeholders = (text = '') => (text.match(/\{\w+\}/g) ?? []).toSorted()

t.test('each language has every text that English has, with the same values', async t => {
  const english = textsOf('en.json')
  for (const file of readdirSync(folder)) {
    const texts = textsOf(file)
    const said = Object.keys(texts).filter(key => !key.startsWith('kind.') && !key.includes('#'))
    t.same(said.toSorted(), Object.keys(english).toSorted(), file)
    for (const key of said) t.same(placeholders(texts[key]), placeholders(english[key]), `${file}: ${key}`)
  }
})

t.test('the plurals of a language are of texts with a number, and are those that the language has', async t => {
  const english = textsOf('en.json')
  for (const file of readdirSync(folder)) {
    const texts = textsOf(file)
    const { pluralCategories } = new Intl.PluralRules(file.replace('.json', '')).resolvedOptions()
    for (const [key = '', plural = ''] of Object.keys(texts)
      .map(one => one.split('#'))
      .filter(({ length }) => length > 1)) {
      t.ok((pluralCategories as readonly string[]).includes(plural), `${file}: ${key}#${plural}`)
      const known = new Set(placeholders(english[key]))
      t.ok(known.size > 0 && placeholders(texts[`${key}#${plural}`]).every(one => known.has(one)), `${file}: ${key}`)
    }
  }
})

t.test('a language can have more plurals than English has, and says those of them that it has', async t => {
  const own = {
    'chart.days': '{days} يوم',
    'chart.days#two': 'يومان',
    'chart.days#few': '{days} أيام',
    'chart.count-on-days': '{count}، {days} يوم',
    'chart.count-on-days#few': '{count}، {days} أيام',
    'disclosures.times#few': '{count} مرات، {first}، {last}',
  }
  const { say, parts } = wordsIn('ar', own)
  t.same(
    [2, 3, 14].map(days => say('chart.days', { days })),
    ['يومان', '3 أيام', '14 يوم'],
  )
  t.equal(say('chart.count-on-days', { count: 100, days: 7 }), '100، 7 أيام', 'the last number decides')
  t.equal(parts('disclosures.times', { count: 5 }).at(2), ' مرات، ')
  t.equal(parts('disclosures.times', { count: 50 }).at(2), ' times between ', 'what it lacks is in English')
})

t.test('days are of the calendar in which they are typed, in every language', async t => {
  for (const code of ['fa', 'th', 'ar-SA'])
    t.match(withAsciiDigits(wordsIn(code, {}).day(new Date('2026-01-31T12:00:00Z'))), /2026/, code)
})

t.test('in Spanish a record has one name, and whoever reads is neither he nor she', t => {
  const texts = Object.entries(textsOf('es.json'))
  const wrong = /expediente|otro registro suyo|sus registros|usted mism[oa]|está segur[oa]|bienvenid[oa]/i
  t.strictSame(
    texts.filter(([, text]) => wrong.test(text)),
    [],
  )
  t.end()
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

t.test('no Spanish text that says how easy it is to say no can be read as its opposite', async t => {
  for (const [key, text] of Object.entries(textsOf('es.json'))) t.notMatch(text, /decir que no es/, key)
})

t.test('what measures has one name in all Spanish texts', async t => {
  for (const [key, text] of Object.entries(textsOf('es.json'))) t.notMatch(text, /dispositivo/i, key)
})

t.test('the browser’s language decides, as far as it is known', async t => {
  // `qaa` to `qtz` are for private use, so no file is named like that.
  const cases: readonly (readonly [asked: string | undefined, code: string])[] = [
    [undefined, 'en'],
    ['', 'en'],
    ['qaa, qab;q=0.9', 'en'],
    ['es-MX', 'es'],
    ['qaa, es;q=0.8, en;q=0.5', 'es'],
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

t.test('in a text from right to left, a name from left to right is kept apart, and a link stays as it is', async t => {
  const { say } = wordsIn('ar', { 'sharing.to': 'إلى {who}' })
  t.equal(say('sharing.to', { who: 'Ann (2)' }), 'إلى \u2068Ann (2)\u2069')
  t.equal(say('sharing.to', { who: 'https://example.org/a' }), 'إلى https://example.org/a')
})

t.test('several things in a sentence are joined as each language does it', async t => {
  const cases: readonly (readonly [code: string, of: readonly string[], joined: string])[] = [
    ['en', ['a'], 'a'],
    ['en', ['a', 'b'], 'a and b'],
    ['en', ['a', 'b', 'c'], 'a, b and c'],
    ['es', ['a', 'b', 'intervalo'], 'a, b e intervalo'],
    ['ar', ['أ', 'Ann', 'ب'], '\u2068أ\u2069 و\u2068Ann\u2069 و\u2068ب\u2069'],
    ['de', [], ''],
  ]
  for (const [code, of, joined] of cases) t.equal(wordsIn(code, {}).list(of), joined, code)
})

t.test('values are placed where they belong, and are not patterns themselves', async t => {
  const { say, kind, day } = wordsFor('es')
  t.equal(say('sharing.to', { who: '{who} $& <b>' }), 'Con {who} $& <b>')
  t.equal(kind('omh:heart-rate', 'Heart rate'), 'Frecuencia cardíaca')
  t.equal(kind('omh:unheard-of', 'Unheard of'), 'Unheard of')
  t.equal(day(new Date('2026-01-31T23:30:00Z')), '31 de enero de 2026')
})
