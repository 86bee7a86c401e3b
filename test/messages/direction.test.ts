import t from 'tap'
import { directionOf } from '../../src/messages/direction.ts'

t.test('the script of a language says in which direction it is written', async t => {
  for (const code of ['ar', 'he', 'fa', 'ur', 'ar-EG', 'ku-Arab', 'yi']) t.equal(directionOf(code), 'rtl', code)
  for (const code of ['en', 'es', 'pt-BR', 'zh-Hant', 'ku', 'ru']) t.equal(directionOf(code), 'ltr', code)
})
