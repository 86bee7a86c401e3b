import type {
  Consent,
  ConsentProvision,
  Extension,
  Observation,
  ResearchStudy,
  ResearchSubject,
} from '@medplum/fhirtypes'
import t from 'tap'
import { textParts } from '../../../src/access/text-parts.ts'
import { digestOf } from '../../../src/fhir/attachment-digest.ts'
import { extensions, standardExtensions, systems } from '../../../src/fhir/canonical.ts'
import { endedByJoining } from '../../../src/storage/model/consent/left-consents.ts'
import { sql } from '../../../src/storage/sql.ts'
import { wrongShape } from '../../support/consent-shape.ts'
import { wholeTextData } from '../../support/patient-text.ts'
import { someoneWaits } from '../../support/someone-waits.ts'
import { openInvitedApps } from './invited.ts'

const world = await openInvitedApps()
const { administrator, api, create, database, lab, patientToken, send, server, staffToken, study, update } = world
t.teardown(() => server.close())
const researcher = await staffToken(study.researcher, 'user/*.rs')

const kind = (code: string) => ({ coding: [{ system: systems.omh, code }] })
const heartRate = 'omh:heart-rate'
const steps = 'omh:step-count'
const weight = 'omh:body-weight'
const named = async (manufacturer: string) => {
  const { id } = await create(administrator, { resourceType: 'Device', manufacturer })
  return { reference: `Device/${id}` }
}
const [band, strap] = [await named('Band'), await named('Strap')]

const words = ['What we ask you.', 'What we ask you now.'].map(text => wholeTextData(text))
const text = (version: number): Extension => ({
  url: extensions.patientText,
  extension: [
    { url: 'version', valueString: `${version}` },
    { url: 'text', valueAttachment: { contentType: 'text/plain', data: words[version - 1] ?? '' } },
  ],
})
const headed = (isNamed: boolean): Extension => ({
  url: extensions.patientText,
  extension: [
    { url: 'version', valueString: '1' },
    {
      url: 'text',
      valueAttachment: { contentType: 'text/plain', data: Buffer.from('About it\nWe ask.').toString('base64') },
    },
    ...(isNamed ? textParts : []).map(part => ({
      url: 'part',
      extension: [
        { url: 'language', valueCode: 'en' },
        { url: 'name', valueCode: part },
        { url: 'heading', valueString: 'About it' },
      ],
    })),
  ],
})
const requested = (code: string, ...sources: readonly { readonly reference: string }[]): Extension => ({
  url: extensions.requestedData,
  extension: [
    { url: 'kind', valueCodeableConcept: kind(code) },
    ...sources.map(valueReference => ({ url: 'source', valueReference })),
  ],
})
const asking = await create<ResearchStudy>(lab.manager, {
  resourceType: 'ResearchStudy',
  status: 'active',
  title: 'Both',
  sponsor: { reference: `Organization/${lab.organization}` },
  extension: [requested(heartRate, band, strap), requested(steps), requested(weight), text(1)],
})

/** In the study, with two devices; `given` is what they signed. */
const somebody = async (
  name: string,
  given: readonly ConsentProvision[],
  study: ResearchStudy = asking,
  root: ConsentProvision = {},
) => {
  const { id } = await create(lab.manager, {
    resourceType: 'Patient',
    name: [{ family: name }],
    managingOrganization: { reference: `Organization/${lab.organization}` },
  })
  const subject = { reference: `Patient/${id}` }
  await create(lab.manager, {
    resourceType: 'ResearchSubject',
    status: 'on-study',
    study: { reference: `ResearchStudy/${study.id}` },
    individual: subject,
  })
  const bearer = await patientToken(id, 'patient/*.cruds patient/Consent.cruds patient/ResearchStudy.rs')
  const consent = await create<Consent>(bearer, {
    resourceType: 'Consent',
    status: 'active',
    scope: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentscope', code: 'research' }] },
    category: [{ coding: [{ system: systems.loinc, code: '59284-0' }] }],
    patient: subject,
    dateTime: '2026-01-01T00:00:00Z',
    sourceAttachment: { hash: digestOf('sha1', words[0] ?? '') },
    policyRule: { coding: [{ code: 'deny-unless-permitted' }] },
    extension: [
      {
        url: standardExtensions.consentResearchStudyContext,
        valueReference: { reference: `ResearchStudy/${study.id}` },
      },
    ],
    provision: { ...root, type: 'deny', provision: [...given] },
  })
  const measured = async (code: string, device?: { readonly reference: string }, at = '2026-03-01T08:00:00Z') =>
    create<Observation>('everything', {
      resourceType: 'Observation',
      status: 'final',
      code: kind(code),
      subject,
      effectiveDateTime: at,
      valueQuantity: { value: 60 },
      ...(device && { device }),
    })
  /** Later than every answer. */
  const tomorrow = new Date(Date.now() + 86_400_000).toISOString()
  await measured(heartRate, band, tomorrow)
  await measured(heartRate, strap, tomorrow)
  await measured(steps)
  await measured(weight)
  const read = async () =>
    ((await send(researcher, 'GET', `Observation?patient=${id}`)).json().entry ?? [])
      .map(({ resource }: { resource: Observation }) => [
        resource.code.coding?.[0]?.code?.split(':')[1],
        ...(resource.device === undefined ? [] : [resource.device.reference === band.reference ? 'band' : 'strap']),
      ])
      .map((one: readonly string[]) => one.join(' '))
      .sort()
  const answer = (method: 'POST' | 'PATCH' | 'DELETE', codes: Readonly<Record<string, boolean>>) =>
    api(bearer, method, `patients/${id}/consents`, {
      studyScopeConsents: [
        {
          studyId: study.id,
          scopeConsents: Object.entries(codes).map(([codingCode, consented]) => ({
            codingSystem: systems.omh,
            codingCode,
            consented,
          })),
        },
      ],
    })
  /** Kinds with yes or no, for each time that the study is named. */
  const answerIn = (...parts: readonly (readonly (readonly [string, boolean])[])[]) =>
    api(bearer, 'POST', `patients/${id}/consents`, {
      studyScopeConsents: parts.map((kinds, index) => ({
        [index % 2 === 0 ? 'studyId' : 'study_id']: study.id,
        scopeConsents: kinds.map(([codingCode, consented]) => ({ codingSystem: systems.omh, codingCode, consented })),
      })),
    })
  const told = async () =>
    (await api(bearer, 'GET', `patients/${id}/consents`)).body.consolidatedConsentedScopes
      .map(({ codingCode }: { codingCode: string }) => codingCode.split(':')[1])
      .sort()
  const stands = async (): Promise<Consent> => (await send(bearer, 'GET', `Consent/${consent.id}`)).json()
  const answerTo = (studyId: string) =>
    api(bearer, 'POST', `patients/${id}/consents`, {
      studyScopeConsents: [
        { studyId, scopeConsents: [{ codingSystem: systems.omh, codingCode: heartRate, consented: true }] },
      ],
    })
  const all = async (): Promise<readonly Consent[]> =>
    ((await send(bearer, 'GET', 'Consent')).json().entry ?? []).map(({ resource }: { resource: Consent }) => resource)
  const place = async (): Promise<ResearchSubject> =>
    (await send(bearer, 'GET', 'ResearchSubject')).json().entry[0].resource
  return { id, bearer, read, answer, answerIn, answerTo, told, stands, all, place }
}

const permit = (code: string, more: ConsentProvision = {}): ConsentProvision => ({
  type: 'permit',
  code: [kind(code)],
  ...more,
})
const from = (reference: { readonly reference: string }): ConsentProvision => ({
  data: [{ meaning: 'instance', reference }],
})

t.test('what is sent to end sharing starts none, whatever it says beside', async t => {
  const one = await somebody('Eda', [permit(steps)])
  t.equal((await one.answer('DELETE', { [steps]: true, [weight]: true })).status, 204)
  t.same(await one.read(), [])
  t.same(await one.told(), [])
  t.match(await one.stands(), { status: 'inactive' })
})

t.test('ending or starting one kind opens no other source of another kind', async t => {
  const one = await somebody('Ada', [permit(heartRate, from(band)), permit(steps)])
  t.same(await one.read(), ['heart-rate band', 'step-count'])
  t.equal((await one.answer('DELETE', { [steps]: false })).status, 204)
  t.same(await one.read(), ['heart-rate band'])
  t.equal((await one.answer('POST', { [weight]: true, [heartRate]: true })).status, 201)
  t.same(await one.read(), ['heart-rate band'], 'what starts does so now')
  t.same(await one.told(), ['body-weight', 'heart-rate'])
  t.match((await one.stands()).provision?.provision, [
    { ...from(band), dataPeriod: { start: '2026-01-01T00:00:00Z' } },
    { code: [kind(weight)] },
  ])
  t.equal((await one.stands()).provision?.provision?.length, 2)
})

t.test('an answer does not reach a study that names the Group of another', async t => {
  const { id, answerTo, all, told } = await somebody('Meant', [permit(steps)])
  const { organization, manager } = await world.institution('elsewhere')
  const [group] = asking.enrollment ?? []
  const groupId = group?.reference?.replace('Group/', '') ?? ''
  for (const named of [groupId, asking.id]) {
    const other = await create<ResearchStudy>(manager, {
      resourceType: 'ResearchStudy',
      status: 'active',
      sponsor: { reference: `Organization/${organization}` },
      enrollment: [{ reference: `Group/${named}` }],
      extension: [requested(heartRate), text(1)],
    })
    await create('everything', {
      resourceType: 'ResearchSubject',
      status: 'on-study',
      study: { reference: `ResearchStudy/${other.id}` },
      individual: { reference: `Patient/${id}` },
    })
  }
  const unclear = await answerTo(groupId)
  t.match(
    [unclear.status, JSON.stringify(unclear.body)],
    [409, /Several studies name Group\/.*: send the id of the ResearchStudy/],
  )
  t.equal((await all()).length, 1)
  t.equal((await answerTo(asking.id ?? '')).status, 201)
  t.match(await all(), [{ provision: { provision: [permit(steps), permit(heartRate)] } }])
  t.same([(await all()).length, await told()], [1, ['heart-rate', 'step-count']])
})

t.test('a study that is named twice is answered once, with all that is said of it', async t => {
  const { answerIn, stands, told } = await somebody('Twice', [permit(steps)])
  const answered = await answerIn(
    [
      [heartRate, true],
      [heartRate, true],
    ],
    [
      [steps, false],
      [weight, true],
    ],
  )
  t.equal(answered.status, 201, JSON.stringify(answered.body))
  t.same(
    answered.body.studyScopeConsents.map(({ consented }: { consented: boolean }) => consented),
    [true, false, true],
  )
  t.same([await told(), (await stands()).meta?.versionId], [['body-weight', 'heart-rate'], '2'])
})

t.test('a kind that is answered with both yes and no is not answered, wherever the two stand', async t => {
  const { answerIn, stands } = await somebody('Both', [permit(steps)])
  const [yes, no] = [[heartRate, true] as const, [`${heartRate}:2.0`, false] as const]
  for (const parts of [[[yes, no]], [[no, yes]], [[yes], [no]], [[no], [yes]]])
    t.match(await answerIn(...parts), {
      status: 400,
      body: { detail: 'studyScopeConsents answers omh:heart-rate with both true and false' },
    })
  t.equal((await stands()).meta?.versionId, '1')
})

t.test('the sources that a study asks for are listed with it, with a scope for Device', async t => {
  const { id } = await somebody('Sources', [permit(steps)])
  const listed = async (scope: string) => {
    const bearer = await patientToken(id, `patient/Patient.rs patient/Consent.rs patient/ResearchStudy.rs ${scope}`)
    const { studies } = (await api(bearer, 'GET', `patients/${id}/consents`)).body
    return studies.map(({ dataSources }: { dataSources: readonly { id: string; name: string }[] }) =>
      dataSources.map(({ id, name }) => `${name} Device/${id}`).toSorted(),
    )
  }
  t.same(await listed('patient/Device.rs'), [[`Band ${band.reference}`, `Strap ${strap.reference}`]])
  t.same(await listed(''), [[]])
})

t.test('a permit of several kinds is listed as all of them, and ends for each separately', async t => {
  const one = await somebody('Ben', [{ type: 'permit', code: [kind(steps), kind(weight)] }])
  t.same(await one.told(), ['body-weight', 'step-count'])
  t.same(await one.read(), ['body-weight', 'step-count'])
  t.equal((await one.answer('DELETE', { [weight]: false })).status, 204)
  t.same(await one.read(), ['step-count'])
  t.same(await one.told(), ['step-count'])
  t.equal((await one.place()).status, 'on-study')
  t.equal((await one.answer('DELETE', { [steps]: false })).status, 204)
  t.same(await one.read(), [])
  t.equal((await one.stands()).status, 'inactive')
  t.equal((await one.place()).status, 'candidate')
})

t.test('what a permit denies stays denied when the permit ends', async t => {
  const denying: ConsentProvision = permit(steps, { provision: [{ type: 'deny', code: [kind(weight)] }] })
  const one = await somebody('Dora', [denying, permit(weight), permit(heartRate, from(band))])
  t.same(await one.read(), ['heart-rate band', 'step-count'])
  t.equal((await one.answer('DELETE', { [steps]: false })).status, 204)
  t.same(await one.read(), ['heart-rate band'])
})

for (const [what, ...given] of [
  ['the Consent denies', permit(steps), { type: 'deny', code: [kind(weight)] }],
  ['a permit in it denies', permit(steps, { provision: [{ type: 'deny', code: [kind(weight)] }] })],
] as readonly (readonly [string, ...ConsentProvision[]])[])
  t.test(`a yes to what ${what} is refused, and signs nothing`, async t => {
    const one = await somebody('Denying', given)
    t.match(await one.answer('POST', { [weight]: true }), {
      status: 422,
      body: {
        detail:
          "The patient's Consent denies omh:body-weight, or is over by its own words; they can give it on their own page",
      },
    })
    t.same(
      [await one.told(), await one.read(), (await one.stands()).meta?.versionId],
      [['step-count'], ['step-count'], '1'],
    )
    t.equal((await one.answer('POST', { [heartRate]: true })).status, 201)
    t.same(await one.told(), ['heart-rate', 'step-count'])
  })

t.test('a yes within a Consent that is over by its own words is refused, and signs nothing', async t => {
  const one = await somebody('Over', [permit(steps)], asking, { period: { end: '2026-02-01' } })
  t.equal((await one.answer('POST', { [weight]: true })).status, 422)
  t.same([await one.told(), (await one.stands()).meta?.versionId], [[], '1'])
})

t.test('a permit that names no kind is left as it is when others end or begin', async t => {
  const nothing: ConsentProvision = { type: 'permit' }
  const one = await somebody('Nothing', [permit(steps), nothing, permit(heartRate, from(band))])
  t.equal((await one.answer('DELETE', { [steps]: false })).status, 204)
  t.same([await one.read(), (await one.stands()).provision?.provision?.[0]], [['heart-rate band'], nothing])
  t.equal((await one.answer('POST', { [weight]: true })).status, 201)
  t.same(await one.told(), ['body-weight', 'heart-rate'])
})

t.test(
  'what the study no longer asks for is listed as long as it is given, and can be ended, but not given again',
  async t => {
    const one = await somebody('Less', [permit(steps), permit(weight)])
    await update(lab.manager, { ...asking, extension: [requested(heartRate, band, strap), requested(steps), text(1)] })
    t.same(await one.read(), ['body-weight', 'step-count'])
    t.same(await one.told(), ['body-weight', 'step-count'])
    t.equal((await one.answer('POST', { [heartRate]: true, [weight]: true })).status, 201)
    t.same(await one.told(), ['body-weight', 'heart-rate', 'step-count'])
    t.equal((await one.answer('DELETE', { [weight]: false })).status, 204)
    t.same(await one.told(), ['heart-rate', 'step-count'])
    t.same(await one.read(), ['heart-rate band', 'heart-rate strap', 'step-count'])
    t.match(await one.answer('POST', { [weight]: true }), {
      status: 400,
      body: { detail: 'The study does not ask for omh:body-weight; it asks for omh:heart-rate, omh:step-count' },
    })
    await update(lab.manager, asking)
  },
)

t.test('a code that means only a part of a kind is no answer to it', async t => {
  const { id, told, stands } = await somebody('Part', [permit(weight)])
  const bearer = await patientToken(id, 'patient/*.cruds patient/Consent.cruds patient/ResearchStudy.rs')
  const answer = (codingCode: string) =>
    api(bearer, 'POST', `patients/${id}/consents`, {
      studyScopeConsents: [
        { studyId: asking.id, scopeConsents: [{ codingSystem: systems.loinc, codingCode, consented: true }] },
      ],
    })
  for (const [what, code] of [
    ['heart rate at rest', '40443-4'],
    ['steps of a day', '41950-7'],
  ] as const)
    t.match(
      await answer(code),
      { status: 400, body: { detail: /names no kind of data that people consent to: http:\/\/loinc.org\|/ } },
      what,
    )
  t.same([await told(), (await stands()).meta?.versionId], [['body-weight'], '1'])
  t.equal((await answer('8867-4')).status, 201, 'one that means the same is')
  t.same(await told(), ['body-weight', 'heart-rate'])
})

t.test('somebody whose Consent ended because their records were joined can say no, once', async t => {
  const one = await somebody('Joined', [permit(steps)])
  const { id } = await one.stands()
  await update('everything', endedByJoining(await one.stands(), 'left'))
  const statuses = async () => (await one.all()).map(({ id: own, status }) => (own === id ? `old ${status}` : status))
  t.same(await statuses(), ['old inactive'])
  for (const _ of ['no', 'again']) {
    t.match(await one.answer('POST', { [steps]: false }), {
      status: 201,
      body: { studyScopeConsents: [{ consented: false }] },
    })
    t.same((await statuses()).toSorted(), ['old inactive', 'rejected'])
  }
})

/** The answers of whatever `begin` sends, each of which has read the Consent before any of them has changed it. */
const atOnce = async <T>(patient: string, begin: () => readonly Promise<T>[]): Promise<readonly T[]> => {
  const { number } = await database.one<{ number: number }>(
    sql.fragment`SELECT patient_id AS number FROM patient WHERE id = ${patient}`,
  )
  const { answers } = await database.transaction(async connection => {
    await connection.run(sql.fragment`SELECT pg_advisory_xact_lock(hashtext('consent'), ${number})`)
    const answers = begin()
    await someoneWaits(connection, answers.length)
    return { answers }
  })
  return Promise.all(answers)
}

t.test('whatever is ended at the same time ends, by however many devices', async t => {
  const one = await somebody('Both', [permit(steps), permit(weight), permit(heartRate, from(band))])
  const answers = await atOnce(one.id, () => [steps, weight].map(code => one.answer('DELETE', { [code]: false })))
  t.same(
    answers.map(({ status }) => status),
    [204, 204],
  )
  t.same(await one.told(), ['heart-rate'])
  const [ended, begun] = await atOnce(one.id, () => [
    one.answer('PATCH', { [heartRate]: false }),
    one.answer('PATCH', { [steps]: true }),
  ])
  t.equal(ended?.status, 200)
  t.same(await one.told(), begun?.status === 200 ? ['step-count'] : [])
})

t.test('of answers at the same time none undoes another, and a yes that was refused can be given again', async t => {
  const one = await somebody('Bina', [permit(steps)])
  const [first, second] = await atOnce(one.id, () =>
    [weight, heartRate].map(code => one.answer('PATCH', { [code]: true })),
  )
  t.same([first?.status, second?.status].toSorted(), [200, 412])
  const again = first?.status === 200 ? heartRate : weight
  t.equal((await one.answer('PATCH', { [again]: true })).status, 200)
  t.same(await one.told(), ['body-weight', 'heart-rate', 'step-count'])
})

t.test('only ending something stays under the signed text', async t => {
  const one = await somebody('Cleo', [permit(steps), permit(weight)])
  await update(lab.manager, { ...asking, extension: [...(asking.extension ?? []), text(2)] })
  t.equal((await one.answer('DELETE', { [weight]: false })).status, 204)
  t.match(await one.stands(), {
    status: /^active$/,
    dateTime: '2026-01-01T00:00:00Z',
    sourceAttachment: { hash: digestOf('sha1', words[0] ?? '') },
  })
  t.same(await one.read(), ['step-count'])
  t.equal((await one.answer('POST', { [weight]: true })).status, 201)
  t.match(await one.stands(), { sourceAttachment: { hash: digestOf('sha1', words[1] ?? '') } })
  t.same(await one.read(), ['step-count'], 'what continues does so from the same day')
})

/** A study that asks for steps, which somebody who has answered others is in as well. */
const further = async (title: string, more: Partial<ResearchStudy> = {}) =>
  create<ResearchStudy>(lab.manager, {
    resourceType: 'ResearchStudy',
    status: 'active',
    title,
    sponsor: { reference: `Organization/${lab.organization}` },
    extension: [requested(steps), text(1)],
    ...more,
  })
const [open, textless] = [await further('Open'), await further('Without a text', { extension: [requested(steps)] })]
const closing = await further('Closing')
/** With a text of a time when texts could lack a part. */
const unfinished = await further('Unfinished', { extension: [requested(steps), headed(true)] })
await database.run(sql.fragment`
  UPDATE research_study SET content = jsonb_set(content, '{extension}', ${JSON.stringify([requested(steps), headed(false)])}::jsonb)
  WHERE id = ${unfinished.id ?? ''}`)

for (const { name, of, status, detail } of [
  { name: 'has no text to sign', of: textless, status: 409, detail: /no patient text yet/ },
  { name: 'has a text that lacks a part', of: unfinished, status: 409, detail: /lacks in en: key-facts, who-and-why,/ },
  { name: 'takes nobody anew', of: closing, status: 422, detail: /closed/ },
])
  t.test(`of the answers to several studies none is kept if one ${name}, in whatever order they stand`, async t => {
    const { id } = await create(lab.manager, {
      resourceType: 'Patient',
      name: [{ family: name }],
      managingOrganization: { reference: `Organization/${lab.organization}` },
    })
    for (const { id: study } of [open, of])
      await create(lab.manager, {
        resourceType: 'ResearchSubject',
        status: 'on-study',
        study: { reference: `ResearchStudy/${study}` },
        individual: { reference: `Patient/${id}` },
      })
    if (of === closing) await update(lab.manager, { ...closing, status: 'closed-to-accrual' })
    const bearer = await patientToken(id, 'patient/*.cruds patient/Consent.cruds patient/ResearchStudy.rs')
    const answer = (...studies: readonly (string | undefined)[]) =>
      api(bearer, 'POST', `patients/${id}/consents`, {
        studyScopeConsents: studies.map(studyId => ({
          studyId,
          scopeConsents: [{ codingSystem: systems.omh, codingCode: steps, consented: true }],
        })),
      })
    const kept = async () =>
      ((await send(bearer, 'GET', 'Consent?_summary=false')).json().entry ?? []).map(
        ({ resource }: { resource: Consent }) => resource.status,
      )
    for (const studies of [
      [open.id, of.id],
      [of.id, open.id],
    ]) {
      t.match(await answer(...studies), { status, body: { detail } })
      t.same(await kept(), [])
    }
    t.equal((await answer(open.id)).status, 201)
    t.same(await kept(), ['active'])
  })

t.test('a study whose text lacks a part waits for no answer', async t => {
  const { id, bearer } = await somebody('Una', [permit(steps)], open)
  for (const { id: study } of [await further('Waiting'), unfinished])
    await create(lab.manager, {
      resourceType: 'ResearchSubject',
      status: 'on-study',
      study: { reference: `ResearchStudy/${study}` },
      individual: { reference: `Patient/${id}` },
    })
  const { studiesPendingConsent } = (await api(bearer, 'GET', `patients/${id}/consents`)).body
  t.strictSame(
    studiesPendingConsent.map(({ name }: { readonly name: string }) => name),
    ['Waiting'],
  )
})

t.test('answers to several studies are kept together, new ones and changed ones', async t => {
  const { id } = await create(lab.manager, {
    resourceType: 'Patient',
    name: [{ family: 'Several' }],
    managingOrganization: { reference: `Organization/${lab.organization}` },
  })
  const other = await further('Other')
  for (const study of [open.id, other.id])
    await create(lab.manager, {
      resourceType: 'ResearchSubject',
      status: 'on-study',
      study: { reference: `ResearchStudy/${study}` },
      individual: { reference: `Patient/${id}` },
    })
  const bearer = await patientToken(id, 'patient/*.cruds patient/Consent.cruds patient/ResearchStudy.rs')
  const answer = (answers: Readonly<Record<string, boolean>>) =>
    api(bearer, 'POST', `patients/${id}/consents`, {
      studyScopeConsents: Object.entries(answers).map(([studyId, consented]) => ({
        studyId,
        scopeConsents: [{ codingSystem: systems.omh, codingCode: steps, consented }],
      })),
    })
  const consented = ({ body }: Awaited<ReturnType<typeof answer>>) =>
    body.studyScopeConsents.map((one: { consented: boolean }) => one.consented)
  t.same(consented(await answer({ [open.id]: true })), [true])
  t.same(consented(await answer({ [open.id]: false, [other.id]: true })), [false, true])
  const { entry } = (await send(bearer, 'GET', 'Consent?_sort=_id')).json()
  t.same(entry.map(({ resource }: { resource: Consent }) => [resource.status, resource.meta?.versionId]).toSorted(), [
    ['active', '1'],
    ['inactive', '2'],
  ])
  for (const { resource } of entry) t.same(await wrongShape(resource), [], `${resource.status}: the published shape`)
})

t.test('a whole type of resources is asked for, given and ended as a kind is', async t => {
  const type = 'http://hl7.org/fhir/resource-types'
  const conditions: Extension = {
    url: extensions.requestedData,
    extension: [{ url: 'class', valueCoding: { system: type, code: 'Condition' } }],
  }
  const study = await further('Conditions', { extension: [conditions, requested(steps), text(1)] })
  const { id } = await create(lab.manager, {
    resourceType: 'Patient',
    name: [{ family: 'Whole' }],
    managingOrganization: { reference: `Organization/${lab.organization}` },
  })
  await create(lab.manager, {
    resourceType: 'ResearchSubject',
    status: 'on-study',
    study: { reference: `ResearchStudy/${study.id}` },
    individual: { reference: `Patient/${id}` },
  })
  const bearer = await patientToken(id, 'patient/*.cruds patient/Consent.cruds patient/ResearchStudy.rs')
  const path = `patients/${id}/consents`
  const [pending] = (await api(bearer, 'GET', path)).body.studiesPendingConsent
  const codes = pending.pendingScopeConsents.map(({ code }: { code: object }) => code)
  t.match(codes, [
    { codingSystem: type, codingCode: 'Condition', text: 'Condition' },
    { codingSystem: systems.omh, codingCode: 'omh:step-count:3.0' },
  ])
  const answer = (consented: boolean) =>
    api(bearer, 'POST', path, {
      studyScopeConsents: [{ studyId: study.id, scopeConsents: codes.map((code: object) => ({ ...code, consented })) }],
    })
  for (const consented of [true, false]) {
    t.match(await answer(consented), {
      status: 201,
      body: { studyScopeConsents: [{ scopeCode: { codingCode: 'Condition' }, consented }, { consented }] },
    })
    t.match((await api(bearer, 'GET', path)).body.studies, [{ scopeConsents: [{ consented }, { consented }] }])
  }
  const [{ resource }] = (await send(bearer, 'GET', 'Consent')).json().entry
  t.match(resource, {
    status: 'inactive',
    provision: { provision: [{ class: [{ code: 'Condition' }] }, permit(steps)] },
  })
  t.match(
    await api(bearer, 'POST', path, {
      studyScopeConsents: [
        { studyId: study.id, scopeConsents: [{ codingSystem: type, codingCode: 'Observation', consented: true }] },
      ],
    }),
    { status: 400, body: { detail: /names no kind of data that people consent to/ } },
  )
})

t.test(
  'a yes that is given again signs no newer text: an app may repeat what it has, and nobody has read it',
  async t => {
    const asked = [requested(heartRate, band, strap), requested(steps), requested(weight)]
    const study = await further('Again', { extension: [...asked, text(1)] })
    const one = await somebody('Again', [permit(heartRate, from(band)), permit(steps)], study)
    const before = await one.stands()
    await update(lab.manager, { ...study, extension: [...asked, text(1), text(2)] })
    for (const method of ['POST', 'PATCH'] as const)
      t.match(await one.answer(method, { [heartRate]: true, [steps]: true }), {
        body: {
          studyScopeConsents: [
            { consented: true, textVersions: { signed: '1', latest: '2' } },
            { consented: true, textVersions: { signed: '1', latest: '2' } },
          ],
        },
      })
    t.strictSame(await one.stands(), before)
    const listed = async () =>
      (await api(one.bearer, 'GET', `patients/${one.id}/consents`)).body.studies.map(
        ({ textVersions }: { textVersions: object }) => textVersions,
      )
    t.strictSame(await listed(), [{ signed: '1', latest: '2' }])
    t.match((await one.answer('PATCH', { [weight]: true })).body, {
      studyScopeConsents: [{ consented: true, textVersions: { signed: '2', latest: '2' } }],
    })
    t.strictSame(await listed(), [{ signed: '2', latest: '2' }], 'a further kind signs the newer text for everything')
    await one.answer('DELETE', { [heartRate]: false, [steps]: false, [weight]: false })
    t.strictSame(await listed(), [{ signed: null, latest: '2' }])
  },
)
