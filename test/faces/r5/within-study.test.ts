import type { Extension, ResearchStudy } from '@medplum/fhirtypes'
import t from 'tap'
import { extensions, systems } from '../../../src/fhir/canonical.ts'
import { openAccount } from '../../../src/storage/account/user-account.ts'
import { consent } from '../../support/study.ts'
import { openContractWorld } from '../contract-world.ts'

const world = await openContractWorld()
const { ask, app, create, manager, organization, patient, patientToken, researcher, server, study } = world
t.teardown(() => server.close())

const named = '_has:Group:member:_id'
const found = (...query: [string, string][]) => foundBy(researcher, ...query)
const foundBy = async (bearer: string, ...query: [string, string][]) => {
  const answer = await ask(bearer, `/FHIR/R5/Observation?${new URLSearchParams([...query, ['_elements', 'id']])}`)
  return answer.json().entry.length
}

t.before(async () => {
  const measured = await ask(app, '/fhir/Observation', {
    resourceType: 'Observation',
    status: 'final',
    code: { coding: [{ system: 'https://w3id.org/openmhealth', code: 'omh:heart-rate:2.0' }] },
    subject: { reference: `Patient/${patient}` },
    effectiveDateTime: '2026-03-01T08:00:00Z',
    valueQuantity: { value: 60 },
  })
  t.equal(measured.statusCode, 201, measured.body)
})

t.test('the Group of a study may be named twice, in whatever way', async t => {
  t.equal(await found([named, study.group]), 1)
  t.equal(await found([named, study.group], [`patient.${named}`, `Group/${study.group}`]), 1)
})

t.test('with several Groups, people are found who are in all of them, in whatever order they are named', async t => {
  t.equal(await found([named, study.group], [named, 'nothing']), 0)
  t.equal(await found([named, 'nothing'], [named, study.group]), 0)
})

t.test(
  'with the Group of a study its staff find what was given to it, also by people whom it does not show',
  async t => {
    const weight = 'omh:body-weight'
    const { extension = [] }: ResearchStudy = (await ask(manager, `/fhir/ResearchStudy/${study.id}`)).json()
    const requested: Extension = {
      url: extensions.requestedData,
      extension: [{ url: 'kind', valueCodeableConcept: { coding: [{ system: systems.omh, code: weight }] } }],
    }
    const { id: coded, enrollment } = await create<ResearchStudy>(manager, {
      resourceType: 'ResearchStudy',
      status: 'active',
      title: 'Weights',
      sponsor: { reference: `Organization/${organization}` },
      extension: [
        { url: extensions.identity, valueCode: 'coded' },
        requested,
        ...extension.filter(({ url }) => url === extensions.patientText || url === extensions.staff),
      ],
    })
    const group = enrollment?.[0]?.reference?.replace('Group/', '') ?? ''
    const elsewhere = await world.institution('Elsewhere')
    const { id: other } = await create('everything', {
      resourceType: 'Patient',
      managingOrganization: { reference: `Organization/${elsewhere.organization}` },
    })
    for (const one of [patient, other]) {
      await world.enrol('everything', coded, one)
      await create(await patientToken(one, 'patient/Consent.cruds'), consent(one, coded, organization, [weight]))
      await create(await patientToken(one, 'patient/*.cruds'), {
        resourceType: 'Observation',
        status: 'final',
        code: { coding: [{ system: systems.omh, code: weight }] },
        subject: { reference: `Patient/${one}` },
        effectiveDateTime: new Date(Date.now() + 60_000).toISOString(),
        valueQuantity: { value: 70 },
      })
    }
    t.equal((await ask(researcher, `/FHIR/R5/Patient/${other}`)).statusCode, 404)
    t.equal(await found(), 3)
    t.equal(await found([named, study.group]), 1)
    t.equal(await found([named, group]), 2)
    t.equal(await found([named, study.group], [named, group]), 2)
  },
)

t.test('a token that is narrowed to a study finds nothing of it by another Group', async t => {
  const person = await openAccount(world.database, study.researcher.email, study.researcher.person)
  const narrowed = await world.token({ subject: { kind: 'user', person }, scope: 'user/*.rs', study: study.id })
  t.equal(await foundBy(narrowed, [named, study.group]), 1)
  t.equal(await foundBy(narrowed, [named, 'nothing']), 0)
})

t.test('who is no staff of studies is answered by the members of the Group, as with any other', async t => {
  const query = new URLSearchParams([
    [named, study.group],
    ['_elements', 'id'],
  ])
  t.equal((await ask('everything', `/FHIR/R5/Observation?${query}`)).json().entry.length, 2)
  t.equal((await ask(app, `/FHIR/R5/Observation?${query}`)).statusCode, 403)
})
