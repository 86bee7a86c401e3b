import type { Bundle, Extension, Patient, Person, ResearchSubject } from '@medplum/fhirtypes'
import fc from 'fast-check'
import t from 'tap'
import { ownerSystem } from '../../../src/access/owner.ts'
import { organizationRole } from '../../../src/access/vocabulary.ts'
import { extensions } from '../../../src/fhir/canonical.ts'
import { openCodeClasses } from '../../../src/fhir/measured/code-class.ts'
import { loadRegistry } from '../../../src/fhir/registry.ts'
import { reindex } from '../../../src/storage/installation/reindex.ts'
import { sql } from '../../../src/storage/sql.ts'
import { someoneWaits } from '../../support/someone-waits.ts'
import { openStudies } from '../../support/study.ts'

const world = await openStudies()
const { server, database, create, update, send, institution, patientToken } = world
t.teardown(() => server.close())
const kinds = ['omh:heart-rate']
const { organization, manager } = await institution('lab')
const elsewhere = await institution('elsewhere')
const coded = await world.study(manager, organization, 'Coded', kinds, 'coded')
const identified = await world.study(manager, organization, 'Identified', kinds)

type Facts = Pick<Patient, 'gender' | 'birthDate'>

const patientOf = (facts: Facts, managing = organization): Patient => ({
  resourceType: 'Patient',
  name: [{ family: 'Rao' }],
  ...facts,
  managingOrganization: { reference: `Organization/${managing}` },
})
const register = async (facts: Facts) => (await create(manager, patientOf(facts))).id

const placeIn = (study: string, patient: string, extension: readonly Extension[] = []): ResearchSubject => ({
  resourceType: 'ResearchSubject',
  ...(extension.length > 0 && { extension: [...extension] }),
  status: 'candidate',
  study: { reference: `ResearchStudy/${study}` },
  individual: { reference: patient.includes(':') ? patient : `Patient/${patient}` },
})
const enrol = async (study: string, patient: string, extension?: readonly Extension[]) =>
  (await create(manager, placeIn(study, patient, extension))).id
/** A place that is over, since a patient has only one that goes on. */
const enrolBefore = async (study: string, patient: string, extension?: readonly Extension[]) =>
  (await create(manager, { ...placeIn(study, patient, extension), status: 'off-study' })).id

const noted = ({ gender, birthDate }: Facts): readonly Extension[] => [
  ...(gender === undefined ? [] : [{ url: extensions.gender, valueCode: gender }]),
  ...(birthDate === undefined ? [] : [{ url: extensions.birthYear, valueDate: birthDate.slice(0, 4) }]),
]
const readPlace = async (id: string): Promise<ResearchSubject> =>
  (await send(manager, 'GET', `ResearchSubject/${id}`)).json()
const said = async (id: string) => {
  const { meta, extension = [] } = await readPlace(id)
  return [meta?.versionId, extension]
}

const ann = { gender: 'female', birthDate: '1961-07-19' } as const
const bo = { gender: 'male', birthDate: '1971-01-02' } as const

t.test('in a study that knows people by code, a place says gender and year of birth, whoever enrols', async t => {
  t.strictSame(await said(await enrol(coded.id, await register(ann))), ['1', noted(ann)])
  t.strictSame(await said(await enrol(coded.id, await register({}))), ['1', []], 'as far as they are known')
  const other = { url: 'https://app.example/note', valueString: 'tall' }
  const wrong = [other, ...noted(bo), { url: extensions.birthYear, valueDate: '1961-07-19' }]
  t.strictSame(
    await said(await enrol(coded.id, await register(ann), wrong)),
    ['1', [...noted(ann), other]],
    'and no day',
  )
})

t.test('in a study that reads the Patient, nothing is added, and what an app has noted is kept true', async t => {
  const patient = await register(ann)
  const [without, with_] = [
    await enrol(identified.id, patient),
    await enrolBefore(identified.id, patient, noted(bo).slice(1)),
  ]
  t.strictSame(await said(without), ['1', []])
  t.strictSame(await said(with_), ['1', noted(ann).slice(1)])
  await update(manager, { ...patientOf(bo), id: patient })
  t.strictSame(
    [await said(without), await said(with_)],
    [
      ['1', []],
      ['2', noted(bo).slice(1)],
    ],
  )
})

const doors: Readonly<Record<string, (patient: Patient & { readonly id: string }, next: Facts) => Promise<unknown>>> = {
  PUT: ({ id }, next) => update(manager, { ...patientOf(next), id }),
  PATCH: ({ id, ...before }, next) =>
    server.inject({
      method: 'PATCH',
      url: `/fhir/Patient/${id}`,
      headers: { authorization: `Bearer ${manager}`, 'content-type': 'application/json-patch+json' },
      payload: JSON.stringify(
        (['gender', 'birthDate'] as const).flatMap(name => [
          ...(before[name] === undefined ? [] : [{ op: 'remove', path: `/${name}` }]),
          ...(next[name] === undefined ? [] : [{ op: 'add', path: `/${name}`, value: next[name] }]),
        ]),
      ),
    }),
  transaction: ({ id }, next) => bundle('transaction', [['PUT', `Patient/${id}`, { ...patientOf(next), id }]]),
  batch: ({ id }, next) => bundle('batch', [['PUT', `Patient/${id}`, { ...patientOf(next), id }]]),
}

type Entry = readonly [method: 'POST' | 'PUT' | 'DELETE', url: string, resource?: object, fullUrl?: string]
const bundle = async (type: 'batch' | 'transaction', entries: readonly Entry[]): Promise<Bundle> => {
  const entry = entries.map(([method, url, resource, fullUrl]) => ({
    ...(fullUrl !== undefined && { fullUrl }),
    request: { method, url },
    ...(resource !== undefined && { resource }),
  }))
  const answer = await send(manager, 'POST', '', { resourceType: 'Bundle', type, entry })
  if (answer.statusCode !== 200) throw new Error(answer.body)
  return answer.json()
}

for (const [door, correct] of Object.entries(doors))
  t.test(`after a correction by ${door}, each place of the patient says it, with a version`, async t => {
    const id = await register(ann)
    const places = [await enrol(coded.id, id), await enrolBefore(coded.id, id)]
    await correct({ ...patientOf(ann), id }, bo)
    t.strictSame(await Promise.all(places.map(said)), [
      ['2', noted(bo)],
      ['2', noted(bo)],
    ])
    t.equal((await readPlace(places[1] ?? '')).status, 'off-study', 'a place that has ended, too, and it stays so')
    await correct({ ...patientOf(bo), id }, { ...bo, birthDate: '1971-12-31' })
    t.equal((await said(places[0] ?? ''))[0], '2', 'another day of the year is nothing that it says')
    await correct({ ...patientOf({ ...bo, birthDate: '1971-12-31' }), id }, {})
    t.strictSame(await said(places[0] ?? ''), ['3', []], 'what is removed is removed there')
  })

t.test(
  'whatever is corrected and enrolled in whichever order, no place says anything else than its Patient',
  async t => {
    const facts = fc.record(
      {
        gender: fc.constantFrom('female', 'male', 'other', 'unknown'),
        birthDate: fc.constantFrom('1961', '1961-07', '1961-07-19', '1962-01-01'),
      },
      { requiredKeys: [] },
    )
    const step = fc.oneof(
      fc.record({ kind: fc.constant('correct' as const), door: fc.constantFrom(...Object.keys(doors)), facts }),
      fc.record({ kind: fc.constant('enrol' as const), sends: facts }),
      fc.record({ kind: fc.constant('write' as const), sends: facts }),
    )
    const steps = fc.array(step, { minLength: 3, maxLength: 8 })
    await fc.assert(
      fc.asyncProperty(facts, steps, async (first, all) => {
        let now = first as Facts
        const id = await register(now)
        const places = [await enrol(coded.id, id)]
        for (const one of all) {
          if (one.kind === 'correct') {
            await doors[one.door]?.({ ...patientOf(now), id }, one.facts as Facts)
            now = one.facts as Facts
          } else if (one.kind === 'enrol') places.push(await enrolBefore(coded.id, id, noted(one.sends as Facts)))
          else await update(manager, { ...placeIn(coded.id, id, noted(one.sends as Facts)), id: places[0] ?? '' })
          for (const place of places) t.strictSame((await said(place))[1], noted(now))
        }
      }),
      { seed: 1, numRuns: 12 },
    )
  },
)

t.test('what is corrected in the transaction that enrols is said at once, whichever comes first', async t => {
  const place = placeIn(coded.id, 'urn:uuid:5e0fb9d5-3a57-4ee5-8f25-d5b5c3a5a5a1')
  const answer = await bundle('transaction', [
    ['POST', 'ResearchSubject', place],
    ['POST', 'Patient', patientOf(ann), 'urn:uuid:5e0fb9d5-3a57-4ee5-8f25-d5b5c3a5a5a1'],
  ])
  const [, , id = ''] = answer.entry?.[0]?.response?.location?.match(/(ResearchSubject)\/([^/]+)/) ?? []
  t.strictSame((await said(id))[1], noted(ann))
})

t.test('who is enrolled while their Patient is corrected has a place that says the correction', async t => {
  for (const [round, next] of [bo, ann, bo, ann].entries()) {
    const id = await register(round % 2 === 0 ? ann : bo)
    const [place] = await Promise.all([enrol(coded.id, id), update(manager, { ...patientOf(next), id })])
    t.strictSame((await said(place))[1], noted(next))
  }
})

t.test('a correction waits for whoever is writing the place, and what they write is kept', async t => {
  const id = await register(ann)
  const place = await enrol(coded.id, id)
  const correcting = await database.transaction(async connection => {
    await connection.any(sql.fragment`SELECT FROM resource_identity WHERE id = ${place} FOR UPDATE`)
    const waiting = update(manager, { ...patientOf(bo), id })
    await someoneWaits(connection)
    return { waiting }
  })
  await correcting.waiting
  t.strictSame(await said(place), ['2', noted(bo)])
})

t.test(
  'whoever enrols somebody whom they may not read is not told who that is, nor is anybody by a correction',
  async t => {
    const { id } = await create(elsewhere.manager, patientOf(ann, elsewhere.organization))
    const place = await enrol(coded.id, id, noted(bo))
    t.strictSame(await said(place), ['1', []], 'what is sent is not stored either: a correction would be told by it')
    await update(elsewhere.manager, { ...patientOf({ ...ann, gender: 'other' }, elsewhere.organization), id })
    await update(manager, { ...(await readPlace(place)), assignedArm: 'a' } as ResearchSubject)
    t.strictSame(await said(place), ['2', []])
    await reindexed()
    t.strictSame(await said(place), ['2', []])
    const own = await patientToken(id, 'patient/*.cruds')
    t.equal(
      (await send(own, 'PUT', `ResearchSubject/${place}`, { ...(await readPlace(place)), status: 'withdrawn' }))
        .statusCode,
      200,
    )
    t.strictSame(await said(place), ['3', []], 'not even by the patient who leaves')
  },
)

t.test('a place that moves to a coded study tells nobody of whom its mover may not read', async t => {
  const { id } = await create(elsewhere.manager, patientOf(ann, elsewhere.organization))
  const place = await enrol(identified.id, id, noted(bo))
  t.strictSame(await said(place), ['1', noted(bo)], 'what a client has noted')
  const study = { reference: `ResearchStudy/${coded.id}` }
  await update(manager, { ...(await readPlace(place)), study } as ResearchSubject)
  t.strictSame(await said(place), ['2', []])
  await update(elsewhere.manager, { ...patientOf({ ...ann, gender: 'other' }, elsewhere.organization), id })
  t.strictSame(await said(place), ['2', []], 'not by a correction either')
})

t.test('a study that comes after its places is told who somebody is by whoever may read them alone', async t => {
  const { id } = await create(elsewhere.manager, patientOf(ann, elsewhere.organization))
  const scope = 'system/ResearchSubject.crus system/ResearchStudy.crus'
  const blind = await world.token({ subject: { kind: 'client' }, client: 'importer', scope, policies: ['everything'] })
  const { enrollment: _, ...study } = (await send(manager, 'GET', `ResearchStudy/${coded.id}`)).json()
  const begin = async (name: string, token: string) => {
    const { id: place } = await create(token, placeIn(name, id, noted(bo)))
    await update(token, { ...study, id: name })
    return place
  }
  t.strictSame(await said(await begin('begun-blindly', blind)), ['2', []])
  t.strictSame(await said(await begin('begun-by-a-reader', 'everything')), ['2', noted(ann)])
})

t.test(
  'whoever may read somebody whom another organization has registered tells the study by enrolling them',
  async t => {
    const ward = {
      resourceType: 'Organization',
      name: 'ward',
      partOf: { reference: `Organization/${organization}` },
    } as const
    const { id: registering } = await create(manager, ward)
    const recruiter = await world.staffToken(await memberOf(organization, registering), 'user/*.cruds')
    const { id } = await create(recruiter, patientOf(ann, registering))
    const { id: place } = await create(recruiter, {
      ...placeIn(coded.id, id),
      meta: { tag: [{ system: ownerSystem, code: organization }] },
    })
    t.strictSame(await said(place), ['1', noted(ann)])
    await update(recruiter, { ...patientOf(bo, registering), id })
    t.strictSame(await said(place), ['2', noted(bo)], 'and then it stays true')
  },
)

const memberOf = async (...organizations: readonly string[]) => {
  const { id } = await create(manager, { resourceType: 'Practitioner', name: [{ family: 'Okafor' }] })
  const practitioner = { reference: `Practitioner/${id}` }
  for (const one of organizations)
    await create(manager, {
      resourceType: 'PractitionerRole',
      practitioner,
      organization: { reference: `Organization/${one}` },
      code: [{ coding: [{ system: organizationRole, code: 'member' }] }],
    })
  const email = 'okafor@example.org'
  const person = {
    resourceType: 'Person',
    telecom: [{ system: 'email', value: email }],
    link: [{ target: practitioner }],
  } as const
  return { email, person: (await create(manager, person as unknown as Person)).id }
}

const reindexed = () =>
  reindex({ database, dictionaryConnection: database, registry: loadRegistry(), classes: openCodeClasses() })

t.test('reindex notes what is missing, corrects what is outdated, and changes nothing else', async t => {
  const [early, outdated, right, other] = [
    await enrol(coded.id, await register(ann)),
    await enrol(coded.id, await register(ann)),
    await enrol(coded.id, await register(ann)),
    await enrol(identified.id, await register(ann)),
  ]
  const store = (place: string, extension: readonly Extension[]) =>
    database.run(sql.fragment`
      UPDATE research_subject SET content = content || ${JSON.stringify({ extension })}::jsonb WHERE id = ${place}`)
  await store(early, [])
  await store(outdated, noted({ ...bo, gender: ann.gender }))
  await reindexed()
  t.strictSame(await Promise.all([early, outdated, right, other].map(said)), [
    ['2', noted(ann)],
    ['2', noted(ann)],
    ['1', noted(ann)],
    ['1', []],
  ])
  await reindexed()
  t.equal((await said(early))[0], '2')
})

t.test('a place that says too little does not keep its patient from leaving', async t => {
  const id = await register(ann)
  const place = await enrol(coded.id, id)
  await database.run(sql.fragment`UPDATE research_subject SET content = content - 'extension' WHERE id = ${place}`)
  const own = await patientToken(id, 'patient/*.cruds')
  const left = await send(own, 'PUT', `ResearchSubject/${place}`, { ...(await readPlace(place)), status: 'withdrawn' })
  t.strictSame([left.statusCode, left.json().extension], [200, noted(ann)])
})

t.test('what a patient who leaves sends of what the server says itself is set right, and keeps nobody', async t => {
  const id = await register(ann)
  const own = await patientToken(id, 'patient/*.cruds')
  for (const study of [coded.id, identified.id]) {
    const place = await enrol(study, id, noted(ann))
    const extension = [...noted(bo)]
    const sent = { ...(await readPlace(place)), status: 'withdrawn', extension }
    t.equal((await send(own, 'PUT', `ResearchSubject/${place}`, sent)).statusCode, 200)
    t.strictSame(await said(place), ['2', noted(ann)])
  }
})

t.test('a patient who leaves changes nothing of what a study has noted that the server does not say', async t => {
  const { id } = await create(elsewhere.manager, patientOf(ann, elsewhere.organization))
  const place = await enrol(identified.id, id, noted(ann))
  const own = await patientToken(id, 'patient/*.cruds')
  const leave = async (extension: readonly Extension[]) =>
    (
      await send(own, 'PUT', `ResearchSubject/${place}`, {
        ...(await readPlace(place)),
        status: 'withdrawn',
        extension,
      })
    ).statusCode
  t.equal(await leave(noted(bo)), 403)
  t.strictSame(await said(place), ['1', noted(ann)])
  t.equal(await leave(noted(ann)), 200)
})

t.test('a place in a study that is not here names no Consent', async t => {
  const id = await register(ann)
  const consent = { reference: 'Consent/another' }
  for (const study of [{ reference: 'ResearchStudy/nowhere' }, { display: 'Framingham' }]) {
    const { id: place } = await create('everything', { ...placeIn(coded.id, id), study, consent } as ResearchSubject)
    t.strictSame((await send('everything', 'GET', `ResearchSubject/${place}`)).json().consent, undefined)
  }
})
