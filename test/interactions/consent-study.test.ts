import type { Consent, Provenance } from '@medplum/fhirtypes'
import t from 'tap'
import { givenToStudy } from '../../src/access/consent-study.ts'
import { standardExtensions } from '../../src/fhir/canonical.ts'
import { consent, openStudies } from '../support/study.ts'

const heartRate = 'omh:heart-rate'
const steps = 'omh:step-count'
const world = await openStudies()
t.teardown(() => world.server.close())
const { create, send, server } = world
const lab = await world.institution('lab')
const hearts = await world.study(lab.manager, lab.organization, 'hearts', [heartRate, steps])
const others = await world.study(lab.manager, lab.organization, 'others', [heartRate, steps])

const context = (study: string) => ({
  url: standardExtensions.consentResearchStudyContext,
  valueReference: { reference: `ResearchStudy/${study}` },
})
const inHearts = context(hearts.id)
/** As by an app that knows nothing of a study in the provision. */
const ofKinds = (...kinds: readonly string[]) => {
  const { extension: _, ...provision } = consent('', '', lab.organization, kinds).provision ?? {}
  return provision
}

let made = 0
const openGiven = async (given: (consent: Consent) => Consent = one => one) => {
  const { id: patient } = await create(lab.manager, {
    resourceType: 'Patient',
    name: [{ family: `Ann ${++made}` }],
    managingOrganization: { reference: `Organization/${lab.organization}` },
  })
  for (const study of [hearts, others]) await world.enrol(lab.manager, study.id, patient)
  const bearer = await world.patientToken(patient, 'patient/*.cruds patient/Consent.cruds')
  const stored = await create<Consent>(bearer, given(consent(patient, hearts.id, lab.organization, [heartRate])))
  const url = `Consent/${stored.id}`
  const put = (next: object) => send(bearer, 'PUT', url, { ...next, id: stored.id })
  const patch = (payload: object, type = 'application/json-patch+json') =>
    server.inject({
      method: 'PATCH',
      url: `/fhir/${url}`,
      headers: { authorization: `Bearer ${bearer}`, 'content-type': type },
      payload,
    })
  const terms = async () => {
    const { extension, provision }: Consent = (await send(bearer, 'GET', url)).json()
    const kinds = (provision?.provision ?? []).map(({ code }) => code?.[0]?.coding?.[0]?.code)
    return { beside: extension, within: provision?.extension, kinds }
  }
  const decisions = async () =>
    ((await send('everything', 'GET', `Provenance?target=${url}&_sort=_lastUpdated`)).json().entry ?? []).map(
      ({ resource }: { resource: Provenance }) => resource.activity?.coding?.[0]?.code,
    )
  return { stored, put, patch, terms, decisions }
}
const beside = (one: Consent): Consent => {
  const { extension: _, ...provision } = one.provision ?? {}
  return { ...one, extension: [inHearts], provision }
}
const now = () => new Date().toISOString()

t.test('whoever replaces the provision changes what is given, and not to which study', async t => {
  const { stored, put, terms, decisions } = await openGiven()
  const answer = await put({ ...stored, dateTime: now(), provision: ofKinds(heartRate, steps) })
  t.match([answer.statusCode, answer.json().provision.extension], [200, [inHearts]])
  t.same(await terms(), { beside: undefined, within: [inHearts], kinds: [heartRate, steps] })
  t.same(await decisions(), ['signed', 'changed'])
})

t.test('also by a patch', async t => {
  const { patch, terms } = await openGiven()
  const replace = { op: 'replace', path: '/provision', value: ofKinds(heartRate) }
  t.match(await patch([replace]), { statusCode: 200 })
  t.same(await terms(), { beside: undefined, within: [inHearts], kinds: [heartRate] })
  const removal = {
    name: 'operation',
    part: [
      { name: 'type', valueCode: 'delete' },
      { name: 'path', valueString: 'Consent.provision.extension' },
    ],
  }
  t.match(await patch({ resourceType: 'Parameters', parameter: [removal] }, 'application/fhir+json'), {
    statusCode: 200,
  })
  t.same(await terms(), { beside: undefined, within: [inHearts], kinds: [heartRate] })
})

t.test('a Consent that names it beside the provision is stored so, and goes on', async t => {
  const { stored, put, terms, decisions } = await openGiven(beside)
  t.same(await terms(), { beside: [inHearts], within: undefined, kinds: [heartRate] })
  t.match(await put({ ...stored, dateTime: now(), provision: ofKinds(heartRate, steps) }), { statusCode: 200 })
  t.same(await terms(), { beside: [inHearts], within: undefined, kinds: [heartRate, steps] })
  const { extension: _, ...rest } = stored
  t.match(await put({ ...rest, dateTime: now() }), { statusCode: 422 }, 'nothing else is kept of what was there')
  t.same(await decisions(), ['signed', 'changed'])
})

t.test('to move the study from one place to the other is no decision', async t => {
  const { stored, put, terms, decisions } = await openGiven()
  t.match(await put(beside(stored)), { statusCode: 200 })
  t.same(await terms(), { beside: [inHearts], within: undefined, kinds: [heartRate] })
  t.match(await put(stored), { statusCode: 200 })
  t.same(await terms(), { beside: undefined, within: [inHearts], kinds: [heartRate] })
  t.same(await decisions(), ['signed'])
})

t.test('a Consent never goes to another study', async t => {
  const { stored, put, terms } = await openGiven()
  const stays = { issue: [{ diagnostics: /^A Consent stays with the study or recipient that it was made for/ }] }
  const toOthers = { ...stored, provision: givenToStudy(others.id, stored.provision ?? {}) }
  t.match((await put(toOthers)).json(), stays)
  const asBefore = { ...stored, extension: [context(others.id)], provision: ofKinds(heartRate) }
  t.match((await put(asBefore)).json(), stays)
  t.match((await put({ ...stored, extension: [context(others.id)] })).json(), {
    issue: [
      { diagnostics: /^Consent\.provision\.extension names ResearchStudy\/.* and Consent\.extension ResearchStudy\// },
    ],
  })
  const { provision: _, ...rest } = stored
  t.match((await put(rest)).json(), stays, 'nor to none')
  t.same(await terms(), { beside: undefined, within: [inHearts], kinds: [heartRate] })
})
