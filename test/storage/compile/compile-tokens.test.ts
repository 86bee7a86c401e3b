import type { Bundle, Patient } from '@medplum/fhirtypes'
import t from 'tap'
import { fullAccess } from '../../../src/access/access.ts'
import { accessOf } from '../../../src/access/rules.ts'
import { openCodeClasses } from '../../../src/fhir/measured/code-class.ts'
import { loadRegistry } from '../../../src/fhir/registry.ts'
import { parseCriteria, parseSearch } from '../../../src/search/parse.ts'
import { sourceOf } from '../../../src/storage/search/search-source.ts'
import { openStudies } from '../../support/study.ts'
import { patient as patientCaller } from '../model/world.ts'

const { server, create, send } = await openStudies()
t.teardown(() => server.close())

const loinc = 'http://loinc.org'
const own = 'https://example.org/codes'
const patient = async (more: Partial<Patient>): Promise<string> =>
  (await create<Patient>('everything', { resourceType: 'Patient', ...more })).id
const [ann = ''] = [
  await patient({ gender: 'female', active: true, identifier: [{ system: own, value: '1' }, { value: '2' }] }),
  await patient({
    gender: 'male',
    identifier: [{ system: loinc, value: '1' }],
    telecom: [{ system: 'phone', value: '1' }],
  }),
  await patient({ gender: 'other', active: false, telecom: [{ system: 'phone', value: '2' }] }),
  await patient({}),
]
const observed = (system: string | undefined, code: string, category: string, component?: string) =>
  create('everything', {
    resourceType: 'Observation',
    status: 'final',
    category: [{ coding: [{ system: own, code: category }] }],
    code: { coding: [{ ...(system === undefined ? {} : { system }), code }] },
    subject: { reference: `Patient/${ann}` },
    effectiveDateTime: '2026-01-02T10:00:00Z',
    ...(component === undefined ? {} : { component: [{ code: { coding: [{ system: loinc, code: component }] } }] }),
  })
await observed(loinc, '8867-4', 'x')
await observed('http://snomed.info/sct', '364075005', 'x', '8480-6')
await observed(undefined, 'ours', 'y')
await observed(own, 'ours', 'y', '8462-4')
await observed(loinc, '85354-9', 'z', '8480-6')
for (const code of ['1', '2', '3'])
  await create('everything', {
    resourceType: 'Condition',
    code: { coding: [{ system: own, code }, ...(code === '3' ? [{ code: '1' }] : [])] },
    subject: { reference: `Patient/${ann}` },
  })

const found = async (query: string): Promise<readonly string[]> => {
  const answer = await send('everything', 'GET', `${query}&_count=1000`)
  t.equal(answer.statusCode, 200, query)
  const bundle: Bundle = answer.json()
  return (bundle.entry ?? []).flatMap(({ resource }) => resource?.id ?? []).sort()
}

const asked: Readonly<Record<string, readonly string[]>> = {
  'Observation?code': [`${loinc}|8867-4`, '85354-9', 'ours', '|ours', `${own}|ours`, `${loinc}|nothing`, 'nothing'],
  'Observation?component-code': [`${loinc}|8480-6`, '8462-4', 'nothing'],
  'Observation?combo-code': [`${loinc}|8480-6`, `${loinc}|8867-4`, 'ours'],
  'Observation?category': [`${own}|x`, 'y', '|z', `${loinc}|x`],
  'Condition?code': [`${own}|1`, '|1', '2', 'nothing', `${loinc}|3`],
  'Patient?identifier': [`${own}|1`, '|2', '1', `${loinc}|1`, `${own}|2`],
  'Patient?gender': ['male', 'http://hl7.org/fhir/administrative-gender|female', `${own}|other`, '|other'],
  'Patient?active': ['true', 'false', 'nothing'],
  'Patient?phone': ['1', '2', 'nothing'],
}
/** All subsets. */
const choices = <T>([first, ...rest]: readonly T[]): readonly (readonly T[])[] =>
  first === undefined ? [[]] : choices(rest).flatMap(some => [some, [first, ...some]])

for (const [parameter, values] of Object.entries(asked))
  t.test(`${parameter}=a,b,c finds what each of them finds alone`, async t => {
    const type = parameter.split('?')[0]
    const [alone, all] = [new Map<string, readonly string[]>(), await found(`${type}?_sort=_id`)]
    for (const value of values) alone.set(value, await found(`${parameter}=${encodeURIComponent(value)}`))
    t.ok([...alone.values()].some(ids => ids.length > 0 && ids.length < all.length))
    for (const some of choices(values).filter(({ length }) => length > 1)) {
      const either = new Set(some.flatMap(value => alone.get(value) ?? []))
      const text = some.map(encodeURIComponent).join(',')
      t.strictSame(await found(`${parameter}=${text}`), [...either].sort(), text)
      t.strictSame(
        await found(`${parameter}:not=${text}`),
        all.filter(id => !either.has(id)),
        `not ${text}`,
      )
    }
  })

t.test('a condition with several codes for a write that only some may see finds what a search does', async t => {
  const query = `code=${own}|1,${own}|7&subject=Patient/${ann}`
  const answer = await server.inject({
    method: 'POST',
    url: '/fhir/Condition',
    headers: { authorization: 'Bearer everything', 'if-none-exist': query },
    payload: { resourceType: 'Condition', subject: { reference: `Patient/${ann}` } },
  })
  t.equal(answer.statusCode, 200, 'it exists already')
})

t.test('however many values are asked for, the SQL is the same', async t => {
  const registry = loadRegistry()
  const asking = { classes: openCodeClasses(), access: fullAccess, commonTokens: () => false }
  const conditionOf = (type: 'Condition' | 'Observation' | 'Patient', parameter: string, count: number) => {
    const values = Array.from({ length: count }, (_, index) => `${own}|${index}`).join(',')
    return sourceOf(asking, parseSearch(registry, type, new URLSearchParams({ [parameter]: values }))).where.sql
  }
  for (const [type, parameter] of [
    ['Condition', 'code'],
    ['Observation', 'code'],
    ['Observation', 'category'],
    ['Patient', 'identifier'],
    ['Condition', 'code:text'],
    ['Observation', 'code:text'],
    ['Observation', 'subject:text'],
  ] as const)
    t.equal(conditionOf(type, parameter, 100), conditionOf(type, parameter, 2), `${type} by ${parameter}`)
})

t.test('however many codes the scopes of a token have, the SQL is the same', async t => {
  const registry = loadRegistry()
  const conditionOf = (count: number) => {
    const scopes = Array.from({ length: count }, (_, index) => `patient/Observation.rs?code=${own}|${index}`).join(' ')
    const access = accessOf(patientCaller(ann, scopes), registry, (type, query) => parseCriteria(registry, type, query))
    const asking = { classes: openCodeClasses(), access, commonTokens: () => false }
    return sourceOf(asking, parseSearch(registry, 'Observation', new URLSearchParams())).where.sql
  }
  t.equal(conditionOf(100), conditionOf(2))
})
