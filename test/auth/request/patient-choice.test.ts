import t from 'tap'
import { organizationRole } from '../../../src/access/vocabulary.ts'
import { openChoices } from '../../../src/auth/request/patient-choice.ts'
import type { SignedIn } from '../../../src/auth/request/user-interaction.ts'
import { FhirError } from '../../../src/fhir/error.ts'
import { loadRegistry } from '../../../src/fhir/registry.ts'
import { sql } from '../../../src/storage/sql.ts'
import type { Store } from '../../../src/storage/store.ts'
import { authorizeQuery, openApps, pkce, redirectUri, tokenRequest } from '../world.ts'

const world = await openApps()
const { server, ann, bob, lab, client, create, signIn } = world
t.teardown(() => server.close())
const { choices } = server.authorization.interactions

/** A member of the organization, who is a patient as well. */
const employee = async (organization: string, patient: string) => {
  const { id } = await create('everything', { resourceType: 'Practitioner', name: [{ family: 'Nurse' }] })
  const practitioner = { reference: `Practitioner/${id}` }
  const code = [{ coding: [{ system: organizationRole, code: 'member' }] }]
  const works = { practitioner, organization: { reference: `Organization/${organization}` }, code }
  await create('everything', { resourceType: 'PractitionerRole', ...works })
  const link = [practitioner, { reference: `Patient/${patient}` }].map(target => ({ target }))
  return signIn((await create('everything', { resourceType: 'Person', link })).id)
}
const clinic = await world.institution('clinic')
const { id: carl } = await create(clinic.manager, {
  resourceType: 'Patient',
  name: [{ family: 'Carl' }],
  managingOrganization: { reference: `Organization/${clinic.organization}` },
})
const nurse = await employee(clinic.organization, ann)
const colleague = await employee(lab.organization, bob)

const idsIn = async (...asked: Parameters<typeof choices.find>) =>
  (await choices.find(...asked)).patients.map(({ id }) => id)

const asked = [
  'openid',
  'fhirUser',
  'launch/patient',
  'offline_access',
  'patient/Observation.cruds',
  'patient/Patient.r',
]

/** What the app gets when they allow it for the patient. */
const allow = async (app: string, who: SignedIn, patient: string, scopes: readonly string[] = asked) => {
  const { verifier, challenge } = pkce()
  const browser = world.browser()
  const { id } = await browser.begin(authorizeQuery(app, scopes.join(' '), challenge))
  const code = (await browser.allow(id, who, { scopes, patient })).searchParams.get('code') ?? ''
  const form = { grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: verifier }
  return (await tokenRequest(server, { ...form, client_id: app })).body
}
const status = async (bearer: string, url: string, payload?: object) =>
  (
    await server.inject({
      url: `/fhir/${url}`,
      headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/fhir+json' },
      ...(payload === undefined ? {} : { method: 'POST', payload }),
    })
  ).statusCode
const measurement = (patient: string) => ({
  resourceType: 'Observation',
  status: 'final',
  subject: { reference: `Patient/${patient}` },
  code: { coding: [{ system: 'https://w3id.org/openmhealth', code: 'omh:heart-rate' }] },
})

t.test('staff who are patients can choose themselves before the patients whom they see as staff', async t => {
  const { id: open } = await client({ name: 'Diary' })
  t.strictSame(await idsIn(nurse.person, open), [ann, carl])
  t.strictSame(await idsIn(nurse.person, open, 'CAR'), [carl], 'by name')
  t.strictSame(await idsIn(nurse.person, open, 'an'), [ann])
  t.strictSame(await idsIn(colleague.person, open), [bob, ann], 'each once')
  t.strictSame(await choices.only(nurse.person, open), undefined)
  for (const [patient, isTheirs] of Object.entries({ [ann]: true, [carl]: true, [bob]: false }))
    t.equal(await choices.includes(nurse.person, open, patient), isTheirs)
  const { id: labs } = await client({ name: 'Desk', organization: lab.organization })
  t.strictSame(await idsIn(nurse.person, labs), [ann], 'only themselves for an app from elsewhere')
  t.strictSame(await choices.only(nurse.person, labs), ann)
})

t.test(
  'staff who are asked about their own record are not recorded as if they had looked it up by their roles',
  async t => {
    const { id: open } = await client({ name: 'Own' })
    const askedAsStaff = async () =>
      (
        await world.database.any<{ patients: readonly string[] }>(sql.fragment`
        SELECT ARRAY(SELECT id FROM patient_compartment WHERE patient_id = ANY(entry.patients)) AS patients
        FROM audit_record AS entry WHERE practitioner IS NOT NULL AND query LIKE '%_id=%'`)
      ).map(({ patients }) => patients)
    const found = [
      await choices.findOne(colleague.person, open, bob),
      await choices.findOne(colleague.person, open, ann),
    ]
    t.match(found, [{ id: bob }, { id: ann }])
    t.strictSame(await askedAsStaff(), [[ann]])
  },
)

t.test('whoever acts for several patients is asked for which of them', async t => {
  const { id: open } = await client({ name: 'Family diary' })
  const person = await world.account(ann)
  t.strictSame([await choices.only(person, open), await idsIn(person, open)], [ann, [ann]])
  await world.database.run(sql.fragment`INSERT INTO person_patient (person, patient) VALUES (${person}, ${bob})`)
  t.strictSame(
    [await choices.only(person, open), (await idsIn(person, open)).toSorted()],
    [undefined, [ann, bob].toSorted()],
  )
})

t.test('only patients themselves share with partners who read by links', async t => {
  const { id } = await client({ name: 'Trial', policies: ['cloud-storage-partner'] })
  t.strictSame(await idsIn(nurse.person, id), [ann])
  t.strictSame(await choices.only(nurse.person, id), ann)
  t.equal(await choices.includes(nurse.person, id, carl), false)
})

t.test('staff who give an app their own record give it as its patient, and nothing by their roles', async t => {
  for (const [who, own, others] of [
    [nurse, ann, [bob, carl]],
    [colleague, bob, [ann, carl]],
  ] as const)
    for (const organization of [undefined, clinic.organization, lab.organization]) {
      const { id } = await client({ name: 'Diary', ...(organization && { organization }) })
      const { access_token, patient, scope } = await allow(id, who, own)
      t.strictSame([patient, scope], [own, asked.join(' ')])
      t.equal(await status(access_token, `Patient/${own}`), 200)
      t.equal(await status(access_token, 'Observation', measurement(own)), 201)
      for (const other of others) {
        t.equal(await status(access_token, `Patient/${other}`), 404)
        t.equal(await status(access_token, 'Observation', measurement(other)), 403)
      }
    }
})

t.test(
  'a grant both as patient and as staff keeps nothing of the staff, even if a refresh asks only for that',
  async t => {
    const { id } = await client({ name: 'Both', scope: 'user/*.rs' })
    const scopes = ['launch/patient', 'offline_access', 'patient/Observation.rs', 'user/Patient.rs']
    const { refresh_token, access_token } = await allow(id, nurse, ann, scopes)
    const form = { grant_type: 'refresh_token', refresh_token, client_id: id, scope: 'user/Patient.rs' }
    const { body } = await tokenRequest(server, form)
    t.equal(body.scope, 'user/Patient.rs')
    for (const bearer of [access_token, body.access_token]) {
      t.equal(await status(bearer, `Patient/${ann}`), 200)
      t.equal(await status(bearer, `Patient/${carl}`), 404)
    }
    const asStaff = await allow(id, nurse, ann, ['launch/patient', 'user/Patient.rs'])
    t.equal(await status(asStaff.access_token, `Patient/${carl}`), 200, 'if no patient’s data was asked for')
  },
)

t.test('staff who choose another patient act as staff, and the app reads what staff read', async t => {
  const { id } = await client({ name: 'Chart' })
  const { access_token } = await allow(id, nurse, carl)
  t.equal(await status(access_token, `Patient/${carl}`), 200)
  t.equal(await status(access_token, 'Observation', measurement(carl)), 403)
  t.equal(await status(access_token, `Patient/${ann}`), 404)
})

t.test('while the database is away, staff are not told that a patient is none of theirs', async t => {
  const app = await client({ name: 'Study desk' })
  const away = new FhirError('transient', 'The database cannot be reached at the moment')
  const openStoreFor = () => ({ read: () => Promise.reject(away) }) as unknown as Store
  const { includes } = openChoices({ database: world.database, registry: loadRegistry(), openStoreFor })
  await t.rejects(includes(nurse.person, app.id, carl), away)
})
