import t from 'tap'
import { givenNames } from '../../../src/studies/patient/patient-fields.ts'

t.test('given names are those that can be seen', async t => {
  t.same(givenNames(' Ana \u00a0María '), ['Ana', 'María'])
  t.same(givenNames('\u200b'), [])
  t.same(givenNames('Ana \u3164 \u202e'), ['Ana'])
})
