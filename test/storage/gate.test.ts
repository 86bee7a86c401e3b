import type { Observation, Patient, Resource, ResourceType } from '@medplum/fhirtypes'
import fc from 'fast-check'
import t from 'tap'
import { type Access, restrict } from '../../src/access/access.ts'
import { openCodeClasses } from '../../src/fhir/measured/code-class.ts'
import { loadRegistry } from '../../src/fhir/registry.ts'
import { all, and, type Expression, not, or } from '../../src/search/expression.ts'
import { parseSearch } from '../../src/search/parse.ts'
import { compile } from '../../src/storage/compile/compile.ts'
import { openDatabase } from '../../src/storage/database.ts'
import { openStores } from '../../src/storage/open-stores.ts'
import { entryRow, entryTables } from '../../src/storage/prepare/candidate.ts'
import { openDictionary } from '../../src/storage/prepare/dictionary.ts'
import { openDurations } from '../../src/storage/prepare/duration.ts'
import { type Draft, prepare } from '../../src/storage/prepare/prepare.ts'
import { storedRow, tableOf } from '../../src/storage/row.ts'
import { sql } from '../../src/storage/sql.ts'
import { withDatabase } from '../support/database.ts'

const { url, close } = await withDatabase()
const database = openDatabase(url, { poolSize: 2 })
const dictionaryConnection = openDatabase(url, { poolSize: 1 })
t.teardown(async () => {
  await Promise.all([database.close(), dictionaryConnection.close()])
  await close()
})
const registry = loadRegistry()
const classes = openCodeClasses()
const stores = await openStores({ database, dictionaryConnection, registry, classes })
const storeFor = (access: Access) =>
  stores({ access, author: { kind: 'client', id: 'test' }, organizations: [], choosesIds: true, choosesOwner: false })

/** Heart rate in three spellings, weight in two, and a code of no kind. */
const codings = [
  ['http://loinc.org', '8867-4', 'heart'],
  ['https://w3id.org/openmhealth', 'omh:heart-rate:2.0', 'heart'],
  ['http://snomed.info/sct', '78564009', 'heart'],
  ['http://loinc.org', '29463-7', 'weight'],
  ['https://w3id.org/openmhealth', 'omh:body-weight', 'weight'],
  ['http://example.org', 'other', 'other'],
] as const

const patients = ['ann', 'bob', 'cat', 'dan'].map(
  (id, index): Patient => ({
    resourceType: 'Patient',
    id,
    name: [{ family: ['Émile', 'Emil', 'Zoe', 'zoë'][index] ?? '' }],
    ...(index < 3 ? { gender: index % 2 === 0 ? 'female' : 'male' } : {}),
    birthDate: `198${index}-01-0${index + 1}`,
    ...(index < 2 ? { text: { status: 'generated', div: `<div>Likes <b>cats</b>, no ${index}</div>` } } : {}),
  }),
)
const ucum = 'http://unitsofmeasure.org'
const units = [{ code: 'x', system: 'urn:x' }, { code: 'mg', system: ucum }, { code: 'cg', system: ucum }, {}]
const subject = (id = '') => ({
  reference: `Patient/${id}`,
  identifier: { system: 'urn:mrn', value: id },
})
const observations = Array.from({ length: 30 }, (_, index): Observation => {
  const [system, code, measured] = codings[index % codings.length] ?? codings[0]
  return {
    resourceType: 'Observation',
    id: `o${index}`,
    status: index % 4 === 0 ? 'preliminary' : 'final',
    code: { coding: [{ system, code, display: measured }] },
    ...(index % 7 === 6 ? {} : { subject: subject(patients[index % 4]?.id) }),
    ...(index % 5 === 4 ? {} : { effectiveDateTime: `2026-03-${String((index % 9) + 1).padStart(2, '0')}` }),
    ...(index % 3 === 2 ? {} : { valueQuantity: { value: index, ...units[index % 4] } }),
  }
})
const conditions = Array.from(
  { length: 8 },
  (_, index): Resource => ({
    resourceType: 'Condition',
    id: `c${index}`,
    code: { text: `text ${index % 3}` },
    subject: { reference: `Patient/${patients[index % 3]?.id}` },
  }),
)
/** Of nobody, of one patient, or of two. */
const appointments = Array.from(
  { length: 6 },
  (_, index): Resource => ({
    resourceType: 'Appointment',
    id: `a${index}`,
    status: index % 2 === 0 ? 'booked' : 'pending',
    participant: patients.slice(index % 4, (index % 4) + (index % 3)).map(({ id }) => ({
      actor: { reference: `Patient/${id}` },
      status: 'accepted',
    })),
  }),
)
const listed = ['Patient/ann', 'Patient/dan', 'Observation/o1', 'Observation/o2/_history/1', 'Condition/c3']
const list: Resource = {
  resourceType: 'List',
  id: 'l',
  status: 'current',
  mode: 'changes',
  entry: [
    ...listed.map(reference => ({ item: { reference } })),
    { deleted: true, item: { reference: 'Patient/bob' } },
    { deleted: true, item: { reference: 'Observation/o3' } },
  ],
}
const resources: readonly Resource[] = [...patients, ...observations, ...conditions, ...appointments, list]

await storeFor(() => all).write(resources.map(resource => ({ kind: 'update', id: resource.id ?? '', resource })))

const types = ['Patient', 'Observation', 'Condition', 'Appointment'] as const
type Type = (typeof types)[number]

/** A question in the specification's words: what is asked, and what it means for one resource, in plain JavaScript. */
type Question =
  | { readonly kind: 'leaf'; readonly query: string; readonly holds: (resource: Resource) => boolean }
  | { readonly kind: 'and' | 'or'; readonly of: readonly Question[] }
  | { readonly kind: 'not'; readonly of: Question }
  /** An Observation or Condition whose Patient fulfils it; `with`: a Patient who has one that does. */
  | { readonly kind: 'of-patient'; readonly of: Question }
  | { readonly kind: 'with'; readonly source: 'Observation' | 'Condition' | 'Appointment'; readonly of: Question }
  | { readonly kind: 'about'; readonly patients: 0 | 1 }
  | { readonly kind: 'own'; readonly patient: string }

const leaf = (query: string, holds: (resource: never) => boolean): Question => ({
  kind: 'leaf',
  query,
  holds: holds as (resource: Resource) => boolean,
})

const subjectsOf = (resource: Resource): readonly string[] => {
  if (resource.resourceType === 'Patient') return [resource.id ?? '']
  if (resource.resourceType === 'Appointment')
    return resource.participant.map(({ actor }) => actor?.reference?.slice(8) ?? '')
  const named = 'subject' in resource ? (resource.subject as { reference?: string }).reference : undefined
  return named === undefined ? [] : [named.slice(8)]
}
const subjectOf = (resource: Resource): string | undefined => subjectsOf(resource)[0]

const plain = (text = '') => text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase()
const measure = ({ code }: Observation) => codings.find(([, one]) => one === code.coding?.[0]?.code)?.[2]

const milligramsOf = ({ valueQuantity }: Observation): number | undefined => {
  const factor = { mg: 1, cg: 10 }[valueQuantity?.code ?? '']
  return factor === undefined ? undefined : (valueQuantity?.value ?? 0) * factor
}

const leaves: Readonly<Record<Type, readonly Question[]>> = {
  Patient: [
    leaf('gender=female', ({ gender }: Patient) => gender === 'female'),
    leaf('gender:missing=true', ({ gender }: Patient) => gender === undefined),
    leaf('family=emil', ({ name }: Patient) => plain(name?.[0]?.family).startsWith('emil')),
    leaf('family=ZOË', ({ name }: Patient) => plain(name?.[0]?.family).startsWith('zoe')),
    leaf('birthdate=ge1982', ({ birthDate }: Patient) => (birthDate ?? '') >= '1982'),
    leaf('family:exact=Zoe', ({ name }: Patient) => name?.[0]?.family === 'Zoe'),
    leaf('family:contains=MIL', ({ name }: Patient) => plain(name?.[0]?.family).includes('mil')),
    leaf('_id=ann,dan', ({ id }: Patient) => id === 'ann' || id === 'dan'),
    leaf('_list=l', ({ id }: Patient) => id === 'ann' || id === 'dan'),
    leaf('_text=CAT or cats', ({ id }: Patient) => id === 'ann' || id === 'bob'),
    leaf('_text=cats -1', ({ id }: Patient) => id === 'ann'),
    leaf('_content=emile', ({ name }: Patient) => plain(name?.[0]?.family) === 'emile'),
    leaf('_filter=name co MIL', ({ name }: Patient) => plain(name?.[0]?.family).includes('mil')),
    leaf('_filter=family eq emil', ({ name }: Patient) => plain(name?.[0]?.family) === 'emil'),
    leaf('_filter=gender ne male', ({ gender }: Patient) => gender === 'female'),
  ],
  Observation: [
    ...codings.map(([system, code, meant]) =>
      leaf(`code=${system}|${code}`, (one: Observation) => measure(one) === meant),
    ),
    leaf('code:not=http://loinc.org|8867-4', (one: Observation) => measure(one) !== 'heart'),
    leaf('status=final', ({ status }: Observation) => status === 'final'),
    leaf('date=ge2026-03-05', ({ effectiveDateTime = '' }: Observation) => effectiveDateTime >= '2026-03-05'),
    leaf('date=2026-03', ({ effectiveDateTime }: Observation) => effectiveDateTime !== undefined),
    leaf('value-quantity=gt12', ({ valueQuantity }: Observation) => (valueQuantity?.value ?? 0) > 12),
    leaf('_list=l', ({ id }: Observation) => id === 'o1' || id === 'o2'),
    leaf('_content=preliminary', ({ status }: Observation) => status === 'preliminary'),
    leaf('_filter=code ne http://loinc.org|8867-4', (one: Observation) => measure(one) !== 'heart'),
    leaf('_filter=patient ne bob', (one: Observation) => ![undefined, 'bob'].includes(subjectOf(one))),
    leaf('_filter=date po 2026-03-05', ({ effectiveDateTime }: Observation) => effectiveDateTime === '2026-03-05'),
    leaf(`value-quantity=lt0.0125|${ucum}|g`, (one: Observation) => (milligramsOf(one) ?? 13) < 12.5),
    leaf(`value-quantity=ge5|${ucum}|mg`, (one: Observation) => (milligramsOf(one) ?? 0) >= 5),
    leaf('code:text=heart', (one: Observation) => measure(one) === 'heart'),
    leaf('subject:identifier=urn:mrn|bob', (one: Observation) => subjectOf(one) === 'bob'),
    leaf('patient=bob', (one: Observation) => subjectOf(one) === 'bob'),
    leaf('subject:missing=true', (one: Observation) => subjectOf(one) === undefined),
  ],
  Condition: [
    leaf('patient=ann,cat', (one: Resource) => ['ann', 'cat'].includes(subjectOf(one) ?? '')),
    leaf('_list=other,l', ({ id }: Resource) => id === 'c3'),
    leaf('_content="text 1"', (one: Resource) => 'code' in one && (one.code as { text?: string }).text === 'text 1'),
    leaf('_id=c1,c2,c3', ({ id }: Resource) => ['c1', 'c2', 'c3'].includes(id ?? '')),
  ],
  Appointment: [
    leaf('status=booked', (one: Resource) => one.resourceType === 'Appointment' && one.status === 'booked'),
    leaf('patient=ann,cat', (one: Resource) => subjectsOf(one).some(patient => ['ann', 'cat'].includes(patient))),
  ],
}

const question = (type: Type, depth: number, links: boolean): fc.Arbitrary<Question> => {
  const simple: fc.Arbitrary<Question>[] = [
    fc.constantFrom(...leaves[type]),
    fc.constantFrom('ann', 'bob', 'nobody').map(patient => ({ kind: 'own' as const, patient })),
    fc.constantFrom(0 as const, 1 as const).map(patients => ({ kind: 'about' as const, patients })),
  ]
  if (depth === 0) return fc.oneof(...simple)
  const inner = question(type, depth - 1, links)
  const lists = fc.array(inner, { minLength: 1, maxLength: 3 })
  return fc.oneof(
    ...simple,
    lists.map(of => ({ kind: 'and' as const, of })),
    lists.map(of => ({ kind: 'or' as const, of })),
    inner.map(of => ({ kind: 'not' as const, of })),
    ...(links ? linked(type, depth) : []),
  )
}

const linked = (type: Type, depth: number): readonly fc.Arbitrary<Question>[] =>
  type === 'Patient'
    ? (['Observation', 'Condition', 'Appointment'] as const).map(source =>
        question(source, depth - 1, true).map(of => ({ kind: 'with' as const, source, of })),
      )
    : [question('Patient', depth - 1, true).map(of => ({ kind: 'of-patient' as const, of }))]

const parameterOf = (type: Type) => {
  const parameter = registry.searchParameter(type, 'patient')
  if (parameter === undefined) throw new Error(`${type} has no patient`)
  return parameter
}

const toExpression = (type: Type, asked: Question): Expression => {
  switch (asked.kind) {
    case 'leaf':
      return parseSearch(registry, type, new URLSearchParams(asked.query)).where
    case 'and':
      return and(all, ...asked.of.map(one => toExpression(type, one)))
    case 'or':
      return or(...asked.of.map(one => toExpression(type, one)))
    case 'not':
      return not(toExpression(type, asked.of))
    case 'own':
      return { kind: 'compartment', of: 'Patient', id: asked.patient }
    case 'about':
      return { kind: 'content', is: asked.patients === 0 ? 'of-no-patient' : 'of-one-patient' }
    case 'of-patient':
      return { kind: 'chain', parameter: parameterOf(type), target: 'Patient', of: toExpression('Patient', asked.of) }
    case 'with': {
      const { source, of } = asked
      return { kind: 'has', source, parameter: parameterOf(source), of: toExpression(source, of) }
    }
  }
}

type Allowed = Readonly<Record<Type, Question>>

/** Whether it holds; linked resources count only if they may be seen. */
const holds = (asked: Question, resource: Resource, allowed: Allowed | undefined): boolean => {
  switch (asked.kind) {
    case 'leaf':
      return asked.holds(resource)
    case 'and':
      return asked.of.every(one => holds(one, resource, allowed))
    case 'or':
      return asked.of.some(one => holds(one, resource, allowed))
    case 'not':
      return !holds(asked.of, resource, allowed)
    case 'own':
      return subjectsOf(resource).includes(asked.patient)
    case 'about':
      return subjectsOf(resource).length === asked.patients
    case 'of-patient':
      return visible('Patient', allowed).some(
        one => subjectsOf(resource).includes(one.id ?? '') && holds(asked.of, one, allowed),
      )
    case 'with':
      return visible(asked.source, allowed).some(
        one => subjectsOf(one).includes(resource.id ?? '') && holds(asked.of, one, allowed),
      )
  }
}

const visible = (type: Type, allowed: Allowed | undefined): readonly Resource[] =>
  resources.filter(one => one.resourceType === type && (allowed === undefined || holds(allowed[type], one, undefined)))

const accesses: fc.Arbitrary<Allowed> = fc.record({
  Patient: question('Patient', 1, false),
  Observation: question('Observation', 2, false),
  Condition: question('Condition', 1, false),
  Appointment: question('Appointment', 1, false),
})
const cases = fc
  .constantFrom(...types)
  .chain(type => fc.record({ type: fc.constant(type), asked: question(type, 3, true), allowed: accesses }))

const seed = Number(process.env.GATE_SEED ?? Date.now() % 2 ** 31)
t.comment(`GATE_SEED=${seed}`)

const accessBy =
  (allowed: Allowed): Access =>
  (_action, type) =>
    types.includes(type as Type) ? toExpression(type as Type, allowed[type as Type]) : all

t.test('a search answers what the specification says, restricted to what may be seen', async t => {
  const property = fc.asyncProperty(cases, async ({ type, asked, allowed }) => {
    const search = {
      ...parseSearch(registry, type, new URLSearchParams('_count=1000')),
      where: toExpression(type, asked),
    }
    const { entries } = await storeFor(accessBy(allowed)).search(search)
    const found = entries.map(({ id }) => id).sort()
    const may = visible(type, allowed)
    const expected = may.filter(one => holds(asked, one, allowed)).map(({ id }) => id ?? '')
    if (JSON.stringify(found) !== JSON.stringify(expected.sort()))
      throw new Error(`found ${found}, expected ${expected}`)
  })
  await t.resolves(fc.assert(property, { seed, numRuns: 250 }))
})

const preparing = {
  registry,
  classes,
  dictionary: openDictionary(dictionaryConnection),
  durations: openDurations(dictionaryConnection),
}

/** Each resource of the type as it would be written, with the key of the stored one. */
const candidatesOf = async (type: ResourceType) => {
  const rows = await database.any<Omit<Draft, 'resource'> & { content: Resource }>(sql.fragment`
    SELECT id, pk, version, owner, author, content FROM ${tableOf(type)}`)
  return prepare(
    database,
    preparing,
    rows.map(({ content, ...row }) => ({ ...row, resource: content })),
    new Date(),
  )
}
const candidates = new Map(await Promise.all(types.map(async type => [type, await candidatesOf(type)] as const)))

t.test('a question holds for a resource that is about to be written exactly if it holds once it is stored', async t => {
  const property = fc.asyncProperty(cases, async ({ type, asked, allowed }) => {
    const expression = restrict(accessBy(allowed), 's', type, toExpression(type, asked))
    const stored = await database.any<{ id: string }>(sql.fragment`
      SELECT row.id FROM ${tableOf(type)} AS row WHERE ${compile(expression, storedRow(type, 'row'), classes)} ORDER BY 1`)
    const written = await database.any<{ id: string }>(sql.fragment`
      WITH ${entryTables(candidates.get(type) ?? [])}
      SELECT id FROM entry WHERE ${compile(expression, entryRow(type), classes)} ORDER BY 1`)
    if (JSON.stringify(stored) !== JSON.stringify(written))
      throw new Error(`stored ${JSON.stringify(stored)}, written ${JSON.stringify(written)}`)
  })
  await t.resolves(fc.assert(property, { seed, numRuns: 150 }))
})
