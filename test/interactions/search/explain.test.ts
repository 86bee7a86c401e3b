import t from 'tap'
import { fhirWorld } from '../../support/fhir-server.ts'

const { server, token } = await fhirWorld()
t.teardown(() => server.close())
const bearer = await token({ subject: { kind: 'administrator' }, scope: 'user/*.cruds' })

const ask = async (url: string, authorization = `Bearer ${bearer}`, headers = {}) => {
  const { statusCode, body } = await server.inject({ url: `/fhir/${url}`, headers: { authorization, ...headers } })
  return { status: statusCode, body: JSON.parse(body) }
}
type Part = { readonly name: string; readonly valueString: string; readonly part?: readonly Part[] }
const textOf = (parts: readonly Part[], name: string) => parts.find(one => one.name === name)?.valueString ?? ''

t.test('an administrator sees how a search is answered', async t => {
  const { status, body } = await ask('Organization?name=lab&_sort=name&_count=3&_explain=true')
  t.equal(status, 200)
  t.equal(body.resourceType, 'Parameters')
  t.equal(textOf(body.parameter, 'asked'), '(name lab)')
  t.match(textOf(body.parameter, 'restricted'), /\(name lab\)/)
  const [statement] = body.parameter.filter(({ name }: Part) => name === 'statement')
  t.match(textOf(statement.part, 'sql'), /^WITH page AS MATERIALIZED \(.* LIMIT '\d+'/)
  t.notMatch(textOf(statement.part, 'sql'), /lab/, 'values are kept apart')
  t.match(textOf(statement.part, 'values'), /lab/)
  const [plan] = JSON.parse(textOf(statement.part, 'plan'))
  t.match(plan.Plan, { 'Node Type': String, 'Total Cost': Number, Plans: Array })
  t.notMatch(JSON.stringify(plan), /Actual/)
})

t.test('analyze runs it, and shows times but no counts of rows', async t => {
  const { status, body } = await ask('Organization?name=lab&_total=accurate&_explain=analyze')
  t.equal(status, 200)
  const statements = body.parameter.filter(({ name }: Part) => name === 'statement')
  t.equal(statements.length, 2, 'the page, and the count')
  for (const { part } of statements) {
    const text = textOf(part, 'plan')
    t.match(text, /"Execution Time"/)
    t.match(text, /"Actual Total Time"/)
    t.notMatch(text, /Actual Rows|Rows Removed|Loops|Heap Fetches|Hits/)
  }
})

t.test('the codes of a value set are filled in, as for the answer', async t => {
  const url = 'Organization?type:in=http://hl7.org/fhir/ValueSet/organization-type'
  const { status, body } = await ask(`${url}&_explain=true`)
  t.equal(status, 200)
  t.match(textOf(body.parameter, 'asked'), /^\(type /)
  const statements = body.parameter.filter(({ name }: Part) => name === 'statement')
  t.match(textOf(statements[0]?.part ?? [], 'values'), /edu/)
})

t.test('for everybody else it is an unknown parameter', async t => {
  const person = await ask('Organization?_explain=true', 'Bearer everything')
  const nonsense = await ask('Organization?_nonsense=true', 'Bearer everything')
  t.equal(person.status, 400)
  t.equal(JSON.stringify(person.body).replaceAll('_explain', '_nonsense'), JSON.stringify(nonsense.body))
  const lenient = await ask('Organization?_explain=true', 'Bearer everything', { prefer: 'handling=lenient' })
  t.match([lenient.status, lenient.body.resourceType], [200, 'Bundle'])
})

t.test('a refusal says what it accepts', async t => {
  const { status, body } = await ask('Organization?_explain=maybe')
  t.same([status, body.issue[0].diagnostics], [400, '_explain is true or analyze, not "maybe"'])
  t.equal((await ask('Observation?_explain=analyze')).status, 403, 'an administrator sees nothing of this type')
})
