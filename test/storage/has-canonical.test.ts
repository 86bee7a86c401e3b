import t from 'tap'
import { fullAccess, restrict } from '../../src/access/access.ts'
import { openCodeClasses } from '../../src/fhir/measured/code-class.ts'
import { loadRegistry } from '../../src/fhir/registry.ts'
import { parseSearch } from '../../src/search/parse.ts'
import { compile } from '../../src/storage/compile/compile.ts'
import { storedRow } from '../../src/storage/row.ts'
import { sql } from '../../src/storage/sql.ts'
import { planOf, rowsLookedAt } from '../support/plan.ts'
import { openSearching } from '../support/searching.ts'

const { server, database, put, found } = await openSearching()
t.teardown(() => server.close())

const many = Array.from({ length: 40 }, (_, number) => number)
const questionnaire = (number: number) =>
  ({
    resourceType: 'Questionnaire',
    id: `q-${number}`,
    status: 'active',
    url: `http://q.example/${number}`,
    version: '2',
  }) as never
const response = (number: number, questionnaire: string) =>
  ({ resourceType: 'QuestionnaireResponse', id: `r-${number}`, status: 'completed', questionnaire }) as never
await put(...many.map(questionnaire))
await put(
  ...many.map(number => response(number, `http://q.example/${number}|1`)),
  response(100, 'http://q.example/7'),
  response(101, 'http://q.example/8|2'),
  response(102, 'Questionnaire/q-9'),
)

const query = '_has:QuestionnaireResponse:questionnaire:status=completed'

t.test('_has follows a canonical back by its URL, with a version if it has one, or by a plain reference', async t => {
  t.equal(await found(`Questionnaire?${query}`), 'q-7 q-8 q-9')
})

t.test('the resources that refer are read once, and not for each row', async t => {
  const { where } = parseSearch(loadRegistry(), 'Questionnaire', new URLSearchParams(query))
  const asked = compile(
    restrict(fullAccess, 's', 'Questionnaire', where),
    storedRow('Questionnaire', 'row'),
    openCodeClasses(),
  )
  const plan = await planOf(database, sql.fragment`SELECT FROM questionnaire AS row WHERE ${asked}`, { analyze: true })
  const looked = rowsLookedAt(plan, 'questionnaire_response')
  t.ok(looked > 0 && looked <= 3 * (many.length + 3), `${looked} rows`)
})
