import t from 'tap'
import { preferredLanguage } from '../../src/messages/preferred-language.ts'

t.test('a language is served with the region and the script that come nearest', async t => {
  const served = ['ar', 'en', 'es', 'pt-BR', 'zh-Hant']
  const cases: readonly (readonly [asked: string, code: string])[] = [
    ['ar-EG', 'ar'],
    ['ar-EG-u-nu-latn, en;q=0.9', 'ar'],
    ['pt-BR', 'pt-BR'],
    ['PT-br', 'pt-BR'],
    ['pt', 'pt-BR'],
    ['pt-PT, es;q=0.8', 'pt-BR'],
    ['zh-TW', 'zh-Hant'],
    ['zh-Hant-HK', 'zh-Hant'],
    ['zh-CN, es;q=0.5', 'es'],
    ['*', 'en'],
    ['e s, ../es, -', 'en'],
    ['ar;q=0, es;q=0.1', 'es'],
    ['es ; q=0.3, ar ; q=0.5', 'ar'],
    ['es-419', 'es'],
    ['es-MX-x-mine', 'es'],
    [`${'fr, '.repeat(50)}es`, 'en'],
    ['a'.repeat(60_000), 'en'],
  ]
  for (const [asked, code] of cases) t.equal(preferredLanguage(asked, served), code, asked)
})
