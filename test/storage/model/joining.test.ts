import type { Consent, Observation, Person, Resource } from '@medplum/fhirtypes'
import t from 'tap'
import { fullAccess } from '../../../src/access/access.ts'
import type { Caller } from '../../../src/access/caller.ts'
import { inactivationReason } from '../../../src/access/vocabulary.ts'
import { FhirError } from '../../../src/fhir/error.ts'
import { extensionOf } from '../../../src/fhir/extension.ts'
import { openCodeClasses } from '../../../src/fhir/measured/code-class.ts'
import { loadRegistry } from '../../../src/fhir/registry.ts'
import { parseSearch } from '../../../src/search/parse.ts'
import { insertRecords } from '../../../src/storage/audit/record.ts'
import { sealAudit } from '../../../src/storage/audit/seal/seal.ts'
import { findCaller, issueToken } from '../../../src/storage/authorization/token.ts'
import { openDatabase } from '../../../src/storage/database.ts'
import { reindex } from '../../../src/storage/installation/reindex.ts'
import { endedByJoining, whyEndedByJoining } from '../../../src/storage/model/consent/left-consents.ts'
import { openStores } from '../../../src/storage/open-stores.ts'
import { sql } from '../../../src/storage/sql.ts'
import type { Store, UploadKey } from '../../../src/storage/store.ts'
import { key, read } from '../audit/recorded.ts'
import * as w from './world.ts'

const heartRate = 'omh:heart-rate'
const weight = 'omh:body-weight'

const world = await w.openWorld()
const { put, see, storeOf, database, importer } = world
/** Another server process with the same database and a memory of its own. */
const otherDictionary = openDatabase(world.url, { poolSize: 1 })
const stores = await openStores({
  database,
  dictionaryConnection: otherDictionary,
  registry: loadRegistry(),
  classes: openCodeClasses(),
})
const author = { kind: 'client', id: 'other' } as const
const other = stores({ access: fullAccess, author, organizations: [], choosesIds: true, choosesOwner: false })
t.teardown(async () => {
  await otherDictionary.close()
  await world.close()
})

const linked = (id: string, ...patients: readonly string[]): Person => ({
  resourceType: 'Person',
  id,
  link: patients.map(one => ({ target: { reference: `Patient/${one}` } })),
})
const condition = (id: string, patient: string): Resource => ({
  resourceType: 'Condition',
  id,
  subject: { reference: `Patient/${patient}` },
})
const appointment = (id: string, ...patients: readonly string[]): Resource => ({
  resourceType: 'Appointment',
  id,
  status: 'booked',
  participant: patients.map(one => ({ actor: { reference: `Patient/${one}` }, status: 'accepted' })),
})
const outcome = async (caller: Caller, ...writes: Parameters<Store['write']>[0]) => {
  const [written] = await storeOf(caller).write(writes)
  return written?.outcome === 'refused' ? written.error.status : written?.outcome
}
const create = (caller: Caller, { id: _, ...resource }: Resource) =>
  outcome(caller, { kind: 'create', resource: resource as Resource })
const numberOf = async (patient: string): Promise<number | undefined> =>
  (
    await database.maybeOne<{ number: number }>(
      sql.fragment`SELECT patient_id AS number FROM patient_compartment WHERE id = ${patient}`,
    )
  )?.number
/** Names of the tables that still have rows with the number. */
const tablesWith = async (number: number): Promise<readonly string[]> => {
  const tables = await database.any<{ name: string }>(sql.fragment`SELECT name FROM patient_table ORDER BY name`)
  const found: string[] = []
  for (const { name } of tables) {
    const row = await database.maybeOne(
      sql.fragment`SELECT FROM ${sql.identifier([name])} WHERE patient_id = ${number} LIMIT 1`,
    )
    if (row !== undefined) found.push(name)
  }
  return found
}
const upload = async (store: Store, patient: string, key: string, value: number) => {
  const resource = w.measured('', patient, heartRate, { valueQuantity: { value } })
  const { id: _, ...withoutId } = resource
  const uploadKey: UploadKey = { schema: 'omh:heart-rate', key, digest: String(value).padStart(64, '0'), mapVersion: 1 }
  const [written] = await store.write([{ kind: 'create', resource: withoutId as Observation, uploadKey }])
  if (written === undefined || written.outcome === 'refused' || written.outcome === 'deleted')
    throw new Error(JSON.stringify(written))
  return written
}

await put(
  w.organization('lab'),
  w.organization('clinic'),
  ...(['lab', 'clinic'] as const).flatMap(one => [
    w.role(`${one}-member`, one, 'member'),
    w.role(`${one}-viewer`, one, 'viewer'),
  ]),
  w.registered('ann-lab', 'lab'),
  w.registered('ann-clinic', 'clinic'),
  w.registered('bob', 'clinic'),
  w.study('open', 'lab', [
    w.chooses('access', 'staff'),
    w.chooses('identity', 'identified'),
    w.requests(heartRate),
    w.works('researcher', 'coordinator'),
  ]),
  w.groupOf('open', 'lab'),
  w.study('other', 'clinic', [w.requests(weight), w.works('researcher', 'researcher')]),
  w.groupOf('other', 'clinic'),
  w.enrols('open', 'ann-lab'),
  w.enrols('other', 'ann-clinic'),
  w.consent('open', 'ann-lab', 'active', [w.permit(heartRate)]),
  ...['ann-lab', 'ann-clinic', 'bob'].flatMap(one => [
    w.measured(`${one}-pulse`, one, heartRate),
    w.measured(`${one}-weight`, one, weight),
  ]),
  condition('of-lab', 'ann-lab'),
  condition('of-clinic', 'ann-clinic'),
  appointment('of-both', 'ann-lab', 'ann-clinic'),
  appointment('of-all', 'ann-lab', 'ann-clinic', 'bob'),
)
await put(w.measured('ann-clinic-pulse', 'ann-clinic', heartRate, { status: 'amended' }))
await put(condition('gone', 'ann-clinic'))
await importer.write([{ kind: 'delete', type: 'Condition', id: 'gone' }])
const labMember = w.registrar('lab-member', 'lab')
const clinicMember = w.registrar('clinic-member', 'clinic')
const researcher = w.staff('researcher')
const [annLab, annClinic] = [w.patient('ann-lab'), w.patient('ann-clinic')]
const observations = (caller: Caller, query = '') => see(storeOf(caller), 'Observation', query)
const [atLab, atClinic] = [
  await upload(importer, 'ann-lab', 'same', 1),
  await upload(importer, 'ann-clinic', 'same', 1),
]
const onlyAtClinic = await upload(importer, 'ann-clinic', 'alone', 5)
/** There are more Observations of her at the clinic. */
const [moved, kept] = [(await numberOf('ann-lab')) ?? 0, (await numberOf('ann-clinic')) ?? 0]
await insertRecords(database, [{ ...read, patients: [moved, kept] }])
await sealAudit(database, key)

t.test('before an account links them, two Patients are separate', async t => {
  t.strictSame(await observations(researcher), ['ann-lab-pulse', atLab.id].sort())
  t.strictSame(await see(storeOf(annLab), 'Patient'), ['ann-lab'])
  t.strictSame(await see(storeOf(annClinic), 'Condition'), ['of-clinic'])
  t.not(moved, kept)
})

t.test('only the holder of the account links them: not staff, not an administrator, not another patient', async t => {
  for (const caller of [labMember, clinicMember, researcher, w.administrator, annLab, w.patient('bob')]) {
    t.equal(await create(caller, linked('x', 'ann-lab', 'ann-clinic')), 403)
    t.equal(await create(caller, linked('x', 'bob', 'ann-clinic')), 403)
  }
  t.equal(await numberOf('ann-clinic'), kept)
})

t.test('once one account links them, they share a compartment, and nothing of it is lost', async t => {
  const rows = async () =>
    (await database.one<{ rows: string }>(sql.fragment`SELECT count(*) AS rows FROM observation_code`)).rows
  const before = await rows()
  await put(linked('ann', 'ann-lab', 'ann-clinic'))
  t.equal(await numberOf('ann-lab'), kept, 'the rows of whom there are fewer Observations are moved')
  t.strictSame(await tablesWith(moved), [])
  t.equal(await rows(), before)
  const told = await database.any(sql.fragment`SELECT subjects FROM audit_shown WHERE patient_id = ${kept}`)
  t.strictSame(told, [{ subjects: ['ann-clinic', 'ann-lab'] }], 'an access to both is told once')
  const all = ['ann-lab-pulse', 'ann-lab-weight', 'ann-clinic-pulse', 'ann-clinic-weight']
  const uploaded = [atLab.id, atClinic.id, onlyAtClinic.id]
  for (const caller of [annLab, annClinic]) {
    t.strictSame(await observations(caller), [...all, ...uploaded].sort())
    t.strictSame(await see(storeOf(caller), 'Patient'), ['ann-clinic', 'ann-lab'])
    t.strictSame(await see(storeOf(caller), 'Condition'), ['of-clinic', 'of-lab'])
    t.strictSame(await see(storeOf(caller), 'Appointment'), ['of-all', 'of-both'])
    t.strictSame(await see(storeOf(caller), 'Consent'), ['consent-open-ann-lab'])
  }
  const { total } = await storeOf(annLab).history('Observation', 'ann-clinic-pulse', { count: 9, cursor: undefined })
  t.equal(total, 2)
  await t.rejects(storeOf(annLab).read('Condition', 'gone'), new FhirError('deleted', 'Condition/gone was deleted'))
})

t.test('what was consented to as one of them covers both', async t => {
  const covered = ['ann-lab-pulse', 'ann-clinic-pulse', atLab.id, atClinic.id, onlyAtClinic.id].sort()
  t.strictSame(await observations(researcher), covered)
  t.strictSame(await observations(researcher, 'patient=ann-lab'), covered)
  t.strictSame(await observations(researcher, 'patient=bob'), [])
})

t.test('people of each organization still see only their own record', async t => {
  t.strictSame(await see(storeOf(labMember), 'Patient'), ['ann-lab'])
  t.strictSame(await see(storeOf(clinicMember), 'Patient'), ['ann-clinic', 'bob'])
  t.strictSame(await see(storeOf(researcher), 'Patient'), ['ann-lab'], 'the one who gave the consent')
  for (const caller of [labMember, clinicMember]) {
    t.strictSame(await observations(caller), [])
    t.strictSame(await see(storeOf(caller), 'Condition'), [], 'which no organization owns')
  }
  t.equal(await create(labMember, condition('x', 'ann-lab')), 'created')
  t.equal(await create(labMember, condition('x', 'ann-clinic')), 403, 'no records for another organization’s patient')
  t.equal(await create(clinicMember, condition('x', 'ann-lab')), 403)
  const groups = (query: string) => see(storeOf(researcher), 'Group', query)
  t.strictSame(await groups(''), ['group-open', 'group-other'])
  t.strictSame(await groups('member=Patient/ann-lab'), ['group-open'])
  t.strictSame(await groups('member=Patient/ann-clinic'), [], 'they may not read this member')
})

t.test('a record of one is not turned into one of the other', async t => {
  const moved = w.enrols('open', 'ann-clinic')
  t.equal(
    await outcome(researcher, { kind: 'update', id: 'open-ann-lab', resource: { ...moved, id: 'open-ann-lab' } }),
    422,
  )
  t.equal(await create(researcher, moved), 'created', 'one can be invited')
  t.strictSame(await see(storeOf(researcher), 'Patient'), ['ann-lab'], 'that does not mean that they have accepted')
  const pulse = w.measured('ann-lab-pulse', 'ann-clinic', heartRate)
  t.equal(await outcome(annLab, { kind: 'update', id: 'ann-lab-pulse', resource: pulse }), 422)
})

t.test('the older document keeps the key, and an upload for either finds it', async t => {
  const again = await upload(importer, 'ann-clinic', 'same', 1)
  t.match(again, { outcome: 'unchanged', id: atLab.id })
  const changed = await upload(importer, 'ann-clinic', 'same', 2)
  t.match(changed, { outcome: 'updated', id: atLab.id, versionId: '2' })
  t.match(JSON.parse(changed.content), { subject: { reference: 'Patient/ann-lab' }, valueQuantity: { value: 2 } })
  t.match(await upload(importer, 'ann-lab', 'alone', 5), { outcome: 'unchanged', id: onlyAtClinic.id })
})

t.test('which is older is said by when they were first stored, and one that was deleted is none', async t => {
  await put(w.registered('ida-1', 'lab'), w.registered('ida-2', 'clinic'))
  const changed = await upload(importer, 'ida-1', 'changed', 1)
  const deleted = await upload(importer, 'ida-1', 'deleted', 1)
  await upload(importer, 'ida-2', 'changed', 1)
  const kept = await upload(importer, 'ida-2', 'deleted', 1)
  await upload(importer, 'ida-1', 'changed', 2)
  await importer.write([{ kind: 'delete', type: 'Observation', id: deleted.id }])
  await put(linked('ida', 'ida-1', 'ida-2'))
  t.match(await upload(importer, 'ida-2', 'changed', 2), { outcome: 'unchanged', id: changed.id })
  t.match(await upload(importer, 'ida-1', 'deleted', 1), { outcome: 'unchanged', id: kept.id })
})

t.test('a resource of these two only can be changed like one of a single patient', async t => {
  await put({ ...appointment('of-both', 'ann-lab', 'ann-clinic'), comment: 'later' } as Resource)
  await put({ ...appointment('of-all', 'ann-lab', 'ann-clinic', 'bob'), comment: 'later' } as Resource)
  t.strictSame(await see(storeOf(w.patient('bob')), 'Appointment'), ['of-all'])
})

t.test('the account of one human needs no choice between their records', async t => {
  const token = await issueToken(database, {
    subject: { kind: 'user', person: 'ann' },
    client: 'cli',
    scope: 'patient/*.rs',
    ttlSeconds: 60,
  })
  t.has(await findCaller(database, token), { patient: 'ann-clinic' })
})

t.test('unlinking does not split the compartment', async t => {
  await put(linked('ann', 'ann-lab'))
  t.equal(await numberOf('ann-lab'), kept)
})

t.test('patients who both have a consent in force for the same grantee are not joined', async t => {
  await put(
    ...['eve-1', 'eve-2'].flatMap(one => [
      w.registered(one, 'lab'),
      w.enrols('open', one),
      w.consent('open', one, 'active', [w.permit(heartRate)]),
    ]),
  )
  const [written] = await importer.write([
    { kind: 'update', id: 'eve', resource: linked('eve', 'eve-1', 'eve-2') },
    { kind: 'update', id: 'eve-pulse', resource: w.measured('eve-pulse', 'eve-1', heartRate) },
  ])
  t.match(written, { outcome: 'refused', error: { status: 409 } })
  t.ok(await storeOf(w.patient('eve-1')).read('Observation', 'eve-pulse'), 'the other entry is not affected')
  t.not(await numberOf('eve-1'), await numberOf('eve-2'))
  const ended = w.consent('open', 'eve-2', 'inactive', [w.permit(heartRate)])
  await put(ended, linked('eve', 'eve-1', 'eve-2'))
  t.equal(await numberOf('eve-1'), await numberOf('eve-2'))
})

const leaving = 'What we have until then we keep.'
const why = {
  url: inactivationReason,
  valueCodeableConcept: {
    coding: [
      {
        system: 'https://sharewell.dev/fhir/CodeSystem/consent-end',
        code: 'left-before-joining',
        display: 'Left before records were joined',
      },
    ],
    text: 'They had left the study before this record was joined with another of theirs. What they gave counts again only by what they sign anew.',
  },
}
/** Two records of one human: with the first they answered a study and left it, with the second they are asked again. */
const putLeft = async (name: string, study: string, answers: readonly Consent['status'][], words = w.usualWords) => {
  const [one, two] = [`${name}-1`, `${name}-2`]
  const given = (status: Consent['status'], by = one): Consent => ({
    ...w.consent(study, by, status ?? 'active', [w.permit(heartRate)]),
    sourceAttachment: w.sourceOf(words),
  })
  await put(
    w.registered(one, 'lab'),
    w.registered(two, 'clinic'),
    w.enrols(study, one),
    ...answers.map(status => given(status)),
    w.measured(`${one}-pulse`, one, heartRate),
    w.measured(`${two}-pulse`, two, heartRate),
    w.enrols(study, one, 'withdrawn'),
    w.enrols(study, two, 'candidate'),
  )
  return {
    id: `consent-${study}-${one}`,
    given: (status: Consent['status']) => given(status, two),
    join: () => put(linked(name, one, two)),
    seen: async () => (await observations(researcher)).filter(id => id.startsWith(name)),
    stored: async () => JSON.parse((await importer.read('Consent', `consent-${study}-${one}`)).content),
  }
}

t.test('what was given to a study that was left ends when records are joined, and nobody can read it', async t => {
  const { id, join, seen, stored, given } = await putLeft('lea', 'open', ['active'])
  t.strictSame(await seen(), [])
  const before = await stored()
  await join()
  t.strictSame(await seen(), [], 'she has not signed again')
  const { meta, ...ended } = await stored()
  const { meta: _, ...active } = before
  t.strictSame(ended, { ...active, status: 'inactive', extension: [...active.extension, why] })
  t.equal(meta.versionId, '2', 'its history remains')
  const own = storeOf(w.patient('lea-2', 'user/*.rs'))
  const told = await own.search(
    parseSearch(loadRegistry(), 'Provenance', new URLSearchParams({ target: `Consent/${id}` })),
  )
  t.match(
    told.entries.map(({ content }) => JSON.parse(content)),
    [{ target: [{ reference: `Consent/${id}/_history/2` }], activity: { coding: [{ code: 'withdrawn' }] } }],
  )
  await put(w.signedAnew(given('active')))
  t.strictSame(await seen(), ['lea-1-pulse', 'lea-2-pulse'], 'what she signs anew counts')
})

t.test('nothing of it is kept, whatever its text promised, nor of what had ended before', async t => {
  const keeping = [w.requests(heartRate), w.patientText('1', leaving, 'keep'), w.works('researcher', 'researcher')]
  await put(w.study('keeping', 'lab', keeping))
  for (const [name, answers] of [
    ['kim', ['active']],
    ['kay', ['active', 'inactive']],
  ] as const) {
    const { join, seen, stored } = await putLeft(name, 'keeping', answers, leaving)
    await join()
    t.strictSame(await seen(), [])
    t.match(await stored(), { status: 'inactive', extension: [{}, why] })
    const { extension: _, ...rest } = await stored()
    await put({ ...rest, extension: w.consent('keeping', `${name}-1`, 'inactive', []).extension })
    t.strictSame(await seen(), [], 'nor if the reason is removed')
    await put(w.enrols('keeping', `${name}-2`, 'on-study'))
    t.strictSame(await seen(), [])
  }
})

t.test(
  'nor of what is hidden since they left, though they were enrolled anew, by the place of the other record',
  async t => {
    const [one, two] = ['kit-1', 'kit-2']
    const given = (status: 'active' | 'inactive') => ({
      ...w.consent('keeping', one, status, [w.permit(heartRate)]),
      sourceAttachment: w.sourceOf(leaving),
    })
    await put(
      w.registered(one, 'lab'),
      w.registered(two, 'clinic'),
      w.enrols('keeping', one),
      w.enrols('keeping', two),
      w.measured('kit-pulse', one, heartRate),
      given('active'),
      given('inactive'),
    )
    const seen = async () => (await observations(researcher)).filter(id => id.startsWith('kit'))
    t.strictSame(await seen(), ['kit-pulse'])
    await put(w.enrols('keeping', one, 'withdrawn'), { ...w.enrols('keeping', one), id: 'kit-again' } as Resource)
    t.strictSame(await seen(), [])
    await put(linked('kit', one, two))
    t.strictSame(await seen(), [])
    t.match(JSON.parse((await importer.read('Consent', `consent-keeping-${one}`)).content).extension, [{}, why])
  },
)

t.test('the reason why it had ended before can still be read beside it', async t => {
  const said = { url: inactivationReason, valueCodeableConcept: { text: 'Called on 24 November' } }
  const before = { ...w.consent('open', 'x', 'inactive', []), extension: [said] }
  t.strictSame(endedByJoining(before, 'left').extension, [
    { url: inactivationReason, valueCodeableConcept: { ...why.valueCodeableConcept, text: 'Called on 24 November' } },
  ])
})

t.test('only a code of ours says that a joining has ended it', async t => {
  const ended = endedByJoining(w.consent('open', 'x', 'active', []), 'refused')
  t.equal(whyEndedByJoining(ended), 'refused')
  const [coding] = extensionOf(ended, inactivationReason)?.valueCodeableConcept?.coding ?? []
  const said = { url: inactivationReason, valueCodeableConcept: { coding: [{ ...coding, system: 'urn:x' }] } }
  t.equal(whyEndedByJoining({ ...ended, extension: [said] }), undefined)
})

t.test('what was proposed to somebody who has left ends as well', async t => {
  const { join, stored, seen } = await putLeft('pia', 'open', ['proposed'])
  await join()
  t.match(await stored(), { status: 'inactive', extension: [{}, why] })
  t.strictSame(await seen(), [])
})

t.test('it does not block what was signed as another record', async t => {
  const { join, given, seen } = await putLeft('nia', 'open', ['active'])
  await put(w.signedAnew(given('active')))
  t.strictSame(await seen(), ['nia-2-pulse'])
  await join()
  t.strictSame(await seen(), ['nia-1-pulse', 'nia-2-pulse'])
  t.equal(JSON.parse((await importer.read('Consent', 'consent-open-nia-2')).content).status, 'active')
})

t.test('that a joining has ended a consent is no refusal of what another record gives', async t => {
  await put(
    w.registered('una-3', 'lab'),
    w.enrols('open', 'una-3'),
    w.consent('open', 'una-3', 'active', [w.permit(heartRate)]),
  )
  const { join, stored } = await putLeft('una', 'open', ['active'])
  await join()
  t.match(await stored(), { status: 'inactive', extension: [{}, why] })
  await put(linked('una', 'una-1', 'una-2', 'una-3'))
  t.equal(JSON.parse((await importer.read('Consent', 'consent-open-una-3')).content).status, 'active')
})

t.test('joining ends a consent of one record that the other refused later, and nothing of it is read', async t => {
  for (const [name, before, no] of [
    ['ina', 'proposed', 'rejected'],
    ['ivy', 'active', 'inactive'],
  ] as const) {
    const [one, two] = [`${name}-1`, `${name}-2`]
    const permits = [w.permit(heartRate)]
    const seen = async () => (await observations(researcher)).filter(id => id.startsWith(name))
    await put(
      w.registered(one, 'lab'),
      w.registered(two, 'clinic'),
      ...[one, two].flatMap(each => [w.enrols('open', each), w.measured(`${each}-pulse`, each, heartRate)]),
      w.enrols('other', two),
      w.consent('other', two, 'active', [w.permit(weight)]),
      w.consent('open', two, 'active', permits),
      w.consent('open', one, before, permits),
      w.consent('open', one, no, permits),
    )
    t.strictSame(await seen(), [`${two}-pulse`])
    await put(linked(name, one, two))
    t.strictSame(await seen(), [], 'the refusal came after the consent')
    const stored = JSON.parse((await importer.read('Consent', `consent-open-${two}`)).content)
    t.match(stored, {
      status: 'inactive',
      extension: [{}, { valueCodeableConcept: { coding: [{ code: 'refused-before-joining' }] } }],
    })
    const beside = JSON.parse((await importer.read('Consent', `consent-other-${two}`)).content)
    t.equal(beside.status, 'active', 'they refused nothing of another study')
    await put({ ...w.signedAnew(w.consent('open', two, 'active', permits)), id: `anew-${name}` })
    t.strictSame(await seen(), [`${one}-pulse`, `${two}-pulse`], 'what they sign anew counts')
  }
})

t.test('who has left a study that their other record refused is told once, that they had left', async t => {
  const { join, given, stored } = await putLeft('zoe', 'open', ['active'])
  await put(given('rejected'))
  await join()
  const { meta, extension } = await stored()
  t.strictSame([meta.versionId, extension.at(-1)], ['2', why])
})

t.test('nothing of it is kept; a consent that was signed after the refusal counts', async t => {
  const permits = [w.permit(heartRate)]
  const keeping = (patient: string, status: 'active' | 'inactive') => ({
    ...w.consent('keeping', patient, status, permits),
    sourceAttachment: w.sourceOf(leaving),
  })
  await put(
    w.registered('ira-1', 'lab'),
    w.registered('ira-2', 'clinic'),
    ...['ira-1', 'ira-2'].flatMap(one => [w.enrols('keeping', one), w.measured(`${one}-pulse`, one, heartRate)]),
    keeping('ira-2', 'active'),
    keeping('ira-2', 'inactive'),
    w.consent('keeping', 'ira-1', 'rejected', permits),
  )
  const seen = async (name: string) => (await observations(researcher)).filter(id => id.startsWith(name))
  t.strictSame(await seen('ira'), ['ira-2-pulse'], 'it keeps what it had')
  await put(linked('ira', 'ira-1', 'ira-2'))
  t.strictSame(await seen('ira'), [], 'which would have been what was refused as well')
  const ended = () => importer.read('Consent', 'consent-keeping-ira-2')
  const { content, versionId } = await ended()
  t.match(JSON.parse(content), { extension: [{}, { valueCodeableConcept: { coding: [{ code: /^refused-/ }] } }] })
  await put(w.registered('ira-3', 'clinic'), linked('ira', 'ira-1', 'ira-2', 'ira-3'))
  t.equal((await ended()).versionId, versionId, 'a further joining says no other reason')

  await put(
    w.registered('ike-1', 'lab'),
    w.registered('ike-2', 'clinic'),
    ...['ike-1', 'ike-2'].flatMap(one => [w.enrols('open', one), w.measured(`${one}-pulse`, one, heartRate)]),
    w.consent('open', 'ike-1', 'rejected', permits),
    w.signedAnew(w.consent('open', 'ike-2', 'active', permits)),
    linked('ike', 'ike-1', 'ike-2'),
  )
  t.strictSame(await seen('ike'), ['ike-1-pulse', 'ike-2-pulse'])
})

t.test(
  'what a study keeps of one record it still keeps when that is joined with one that has said no to nothing',
  async t => {
    const keeping = (status: 'active' | 'inactive') => ({
      ...w.consent('keeping', 'oda-1', status, [w.permit(heartRate)]),
      sourceAttachment: w.sourceOf(leaving),
    })
    await put(
      w.registered('oda-1', 'lab'),
      w.registered('oda-2', 'clinic'),
      w.enrols('keeping', 'oda-1'),
      w.measured('oda-pulse', 'oda-1', heartRate),
      keeping('active'),
      keeping('inactive'),
    )
    const seen = async () => (await observations(researcher)).filter(id => id.startsWith('oda'))
    t.strictSame(await seen(), ['oda-pulse'])
    await put(linked('oda', 'oda-1', 'oda-2'))
    t.strictSame(await seen(), ['oda-pulse'])
  },
)

t.test('what ended by joining stays ended when everything is derived anew from what is stored', async t => {
  const seen = await observations(researcher)
  await reindex({
    database,
    dictionaryConnection: otherDictionary,
    registry: loadRegistry(),
    classes: openCodeClasses(),
  })
  t.strictSame(await observations(researcher), seen)
})

t.test('whose place has ended is no person to a study that reads them by the place of their other record', async t => {
  await put(
    w.study('twice', 'lab', [
      w.chooses('access', 'staff'),
      w.chooses('identity', 'identified'),
      w.requests(heartRate),
      w.works('reader', 'researcher'),
    ]),
    w.enrols('twice', 'ann-lab'),
    w.enrols('twice', 'ann-clinic'),
    w.consent('twice', 'ann-lab', 'active', [w.permit(heartRate)]),
  )
  const reader = w.staff('reader')
  t.strictSame(await see(storeOf(reader), 'Patient'), ['ann-lab'])
  await put(w.enrols('twice', 'ann-lab', 'off-study'))
  t.ok((await observations(reader)).includes('ann-lab-pulse'))
  t.strictSame(await see(storeOf(reader), 'Patient'), [])
})

t.test('what the same transaction writes after linking moves too', async t => {
  const before = ['sue-first', 'sue-second']
  await put(w.registered('sue-1', 'lab'), w.registered('sue-2', 'clinic'))
  await put(...before.map(id => w.measured(id, 'sue-1', heartRate)))
  const old = (await numberOf('sue-2')) ?? 0
  await importer.atomic(async store => {
    await store.write([{ kind: 'update', id: 'sue', resource: linked('sue', 'sue-1', 'sue-2') }])
    await store.write([{ kind: 'update', id: 'sue-pulse', resource: w.measured('sue-pulse', 'sue-2', heartRate) }])
  })
  t.strictSame(await tablesWith(old), [])
  t.strictSame(await observations(w.patient('sue-1')), [...before, 'sue-pulse'].sort())
})

t.test('uploads while patients are joined lose nothing, through this server or another', async t => {
  await put(w.registered('max-1', 'lab'), w.registered('max-2', 'clinic'))
  const numbers = await Promise.all(['max-1', 'max-2'].map(numberOf))
  const uploads = (store: Store, name: string) =>
    Array.from({ length: 40 }, (_, index) => upload(store, 'max-2', `${name}-${index % 20}`, index % 20))
  await Promise.all([
    ...uploads(importer, 'a'),
    ...uploads(other, 'b'),
    new Promise(resolve => setTimeout(resolve, 20)).then(() => put(linked('max', 'max-1', 'max-2'))),
  ])
  await Promise.all([...uploads(importer, 'a'), ...uploads(other, 'b'), ...uploads(other, 'c')])
  const now = await numberOf('max-1')
  t.strictSame(await tablesWith(numbers.find(number => number !== now) ?? 0), [])
  t.equal((await observations(w.patient('max-1'), '_count=1000')).length, 60)
})
