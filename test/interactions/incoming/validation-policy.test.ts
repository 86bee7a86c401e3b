import type { Extension, ResearchStudy } from '@medplum/fhirtypes'
import t from 'tap'
import { extensions } from '../../../src/fhir/canonical.ts'
import type { ValidationPolicy } from '../../../src/mhealth/policy.ts'
import { at, point, upload } from '../../mhealth/upload.ts'
import { consent, openStudies } from '../../support/study.ts'

const { server, send, create, update, enrol, institution, study, participant, patientToken, token } =
  await openStudies()
t.teardown(() => server.close())
const administrator = await token({ subject: { kind: 'administrator' }, scope: 'user/*.cruds' })
const { organization, manager } = await institution('lab')
const asked = await study(manager, organization, 'Sugar', ['omh:blood-glucose'])
const ann = await participant(manager, organization, asked.id, ['omh:blood-glucose'], 'Ann')
const other = await study(manager, organization, 'Hearts', ['omh:heart-rate', 'omh:body-weight'])
const ben = await participant(manager, organization, other.id, ['omh:heart-rate', 'omh:body-weight'], 'Ben')
const annsApp = await patientToken(ann, 'patient/*.cruds patient/Provenance.rs')
const bensApp = await patientToken(ben, 'patient/*.cruds patient/Provenance.rs')

const extension = (policy: string) => [{ url: extensions.validationPolicy, valueCode: policy }]
const source = async (policy?: ValidationPolicy) =>
  (
    await create(administrator, {
      resourceType: 'Device',
      ...(policy === undefined ? {} : { extension: extension(policy) }),
    })
  ).id
const sources = {
  silent: await source(),
  strict: await source('strict'),
  lax: await source('accept-with-warning'),
}

let count = 0
/** A new document each time. */
const documentOf = (id: string, body: object) =>
  point(id, body, {
    uuid: `0a6f3c1e-5b7d-4c2a-9e8f-${String(++count).padStart(12, '0')}`,
    acquisition_provenance: { source_name: `meter ${count}` },
  })
const glucose = (unit: string, value: unknown = 95) =>
  documentOf('omh:blood-glucose:4.0', { blood_glucose: { value, unit }, effective_time_frame: at })
const sent = (document: unknown, patient: string, device: string, more: object = {}) =>
  upload(document, {
    subject: { reference: `Patient/${patient}` },
    device: { reference: `Device/${device}` },
    ...more,
  })
const post = (document: unknown, device: string, more: object = {}) =>
  send(annsApp, 'POST', 'Observation', sent(document, ann, device, more))
// biome-ignore lint/suspicious/noExplicitAny: tests read into any part of an answer
const codesIn = (outcome: any) => outcome.issue.flatMap((one: any) => one.details?.coding?.[0]?.code ?? [])
const setPolicy = async (id: string, policy: string) => {
  const found: ResearchStudy = (await send(manager, 'GET', `ResearchStudy/${id}`)).json()
  const others = (found.extension ?? []).filter(({ url }) => url !== extensions.validationPolicy)
  await update(manager, { ...found, extension: [...others, ...(policy === '' ? [] : extension(policy))] })
}

t.test('by default what has one clear meaning is repaired, and repairs are reported', async t => {
  const document = glucose('MGDL')
  const answer = await post(document, sources.silent)
  t.equal(answer.statusCode, 201)
  const stored = answer.json()
  t.strictSame(stored.valueQuantity, {
    value: 95,
    unit: 'mg/dL',
    system: 'http://unitsofmeasure.org',
    code: 'mg/dL',
  })
  const [kept, ...repairs] = stored.extension
  t.equal(Buffer.from(kept.valueAttachment.data, 'base64').toString(), JSON.stringify(document))
  t.strictSame(repairs, [
    {
      url: extensions.documentRepair,
      extension: [
        { url: 'code', valueCode: 'unit-spelling' },
        { url: 'pointer', valueString: '/body/blood_glucose/unit' },
        { url: 'before', valueString: '"MGDL"' },
        { url: 'after', valueString: '"mg/dL"' },
      ],
    },
  ])
  const found = (await send(annsApp, 'GET', `Provenance?target=Observation/${stored.id}&agent-type=assembler`)).json()
  const [{ resource }, ...others] = found.entry
  t.strictSame(others, [])
  const { id: _, meta: __, recorded: ___, ...provenance } = resource
  t.strictSame(provenance, {
    resourceType: 'Provenance',
    target: [{ reference: `Observation/${stored.id}` }],
    reason: [{ coding: [{ system: 'https://sharewell.dev/fhir/CodeSystem/document-finding', code: 'unit-spelling' }] }],
    activity: {
      coding: [{ system: 'http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle', code: 'transform' }],
    },
    agent: [
      { type: participantType('enterer'), who: { reference: `Patient/${ann}` } },
      { type: participantType('assembler'), who: { display: 'This server' } },
    ],
    entity: [
      {
        role: 'source',
        what: {
          identifier: { system: 'https://sharewell.dev/fhir/document-hash', value: kept.valueAttachment.hash },
          display: 'The document, byte for byte as it was sent',
        },
      },
    ],
  })
})

const participantType = (code: string) => ({
  coding: [{ system: 'http://terminology.hl7.org/CodeSystem/provenance-participant-type', code }],
})

t.test('nobody else learns of a repair', async t => {
  const { id } = (await post(glucose('MGDL'), sources.silent)).json()
  t.strictSame((await send(bensApp, 'GET', `Provenance?target=Observation/${id}`)).json().entry ?? [], [])
})

t.test('a correct document leaves no Provenance but that of its upload', async t => {
  const { id } = (await post(glucose('mg/dL'), sources.strict)).json()
  t.strictSame(
    (await send(annsApp, 'GET', `Provenance?target=Observation/${id}&agent-type=assembler`)).json().entry ?? [],
    [],
  )
})

t.test('a strict source has refused what another repairs, and the refusal says what would be accepted', async t => {
  const answer = await post(glucose('MGDL'), sources.strict)
  t.equal(answer.statusCode, 422)
  const [issue, kept, ...others] = answer.json().issue
  t.strictSame(others, [])
  t.match(kept, { severity: 'information', diagnostics: /^It is kept in quarantine as [\da-f-]{36}: / })
  t.match(issue, {
    severity: 'error',
    code: 'code-invalid',
    details: { coding: [{ code: 'schema-broken' }] },
    diagnostics: /^\/body\/blood_glucose\/unit: must be .*accepted: mg\/dL, mmol\/L$/,
    expression: ['Observation.valueAttachment'],
  })
})

t.test('a lax source has kept what breaks its schema, without deriving a value from it', async t => {
  const document = glucose('mg/dL', 'high')
  t.equal((await post(document, sources.silent)).statusCode, 422)
  const answer = await post(document, sources.lax)
  t.equal(answer.statusCode, 201)
  const { valueQuantity, code, extension } = answer.json()
  t.strictSame(
    [valueQuantity, code.coding],
    [undefined, [{ system: 'https://w3id.org/openmhealth', code: 'omh:blood-glucose:4.0' }]],
  )
  t.equal(Buffer.from(extension[0].valueAttachment.data, 'base64').toString(), JSON.stringify(document))
})

t.test('each entry of a Bundle is judged by its own source', async t => {
  const entries = [sources.silent, sources.strict, sources.lax].flatMap(device => [
    sent(glucose('MGDL'), ann, device),
    sent(glucose('mg/dL', 'high'), ann, device),
  ])
  const entry = entries.map(resource => ({ resource, request: { method: 'POST', url: 'Observation' } }))
  const { entry: answered } = (await send(annsApp, 'POST', '', { resourceType: 'Bundle', type: 'batch', entry })).json()
  t.strictSame(
    // biome-ignore lint/suspicious/noExplicitAny: tests read into any part of an answer
    answered.map(({ response }: any) => [response.status.slice(0, 3), ...codesIn(response.outcome)].join(' ')),
    [
      '201 unit-spelling',
      '422 schema-broken',
      '422 schema-broken',
      '422 schema-broken',
      '201 unit-spelling',
      '201 schema-broken',
    ],
  )
})

t.test('a transaction is refused at the entry that its source refuses', async t => {
  const entry = [sources.silent, sources.strict].map(device => ({
    resource: sent(glucose('MGDL'), ann, device),
    request: { method: 'POST', url: 'Observation' },
  }))
  const answer = await send(annsApp, 'POST', '', { resourceType: 'Bundle', type: 'transaction', entry })
  t.equal(answer.statusCode, 422)
  t.strictSame(answer.json().issue[0].expression, ['Bundle.entry[1].resource.valueAttachment'])
})

t.test('a source is as strict with a patient who is created in the same transaction', async t => {
  const person = 'urn:uuid:11111111-2222-4333-8444-555555555555'
  const register = async (device: string) => {
    const reading = upload(glucose('MGDL'), {
      subject: { reference: person },
      device: { reference: `Device/${device}` },
    })
    const entry = [
      { fullUrl: person, resource: { resourceType: 'Patient' }, request: { method: 'POST', url: 'Patient' } },
      { resource: reading, request: { method: 'POST', url: 'Observation' } },
    ]
    return (await send('everything', 'POST', '', { resourceType: 'Bundle', type: 'transaction', entry })).statusCode
  }
  t.strictSame([await register(sources.silent), await register(sources.strict)], [200, 422])
})

t.test('a study’s policy holds for the kinds that are shared with it, and the strictest of several counts', async t => {
  const heart = () =>
    documentOf('omh:heart-rate:2.0', { heart_rate: { value: 64, unit: 'bpm' }, effective_time_frame: at })
  const steps = () =>
    documentOf('omh:body-weight:3.0', { body_weight: { value: 7000, unit: 'kg' }, effective_time_frame: at })
  const statusOf = async (document: unknown, device: string) =>
    (await send(bensApp, 'POST', 'Observation', sent(document, ben, device))).statusCode
  await setPolicy(other.id, 'strict')
  await setPolicy(asked.id, 'strict')
  t.strictSame(
    [
      await statusOf(heart(), sources.lax),
      await statusOf(steps(), sources.lax),
      await statusOf(heart(), sources.silent),
    ],
    [422, 422, 422],
  )
  await setPolicy(other.id, '')
  t.equal(await statusOf(heart(), sources.lax), 201, 'the other study does not concern Ben')
  await setPolicy(other.id, 'accept-with-warning')
  t.equal(await statusOf(heart(), sources.strict), 422)
  await setPolicy(asked.id, '')
})

t.test('a study that only keeps what it had before a withdrawal judges nothing new', async t => {
  const kinds = ['omh:blood-glucose']
  const { id } = await study(manager, organization, 'Keeping', kinds)
  const found: ResearchStudy = (await send(manager, 'GET', `ResearchStudy/${id}`)).json()
  const keeps = (one: Extension): Extension =>
    one.url === extensions.patientText
      ? { ...one, extension: [...(one.extension ?? []), { url: 'withdrawal', valueCode: 'keep' }] }
      : one
  await update(manager, { ...found, extension: (found.extension ?? []).map(keeps) })
  await setPolicy(id, 'strict')
  const cat = await participant(manager, organization, id, kinds, 'Cat')
  const catsApp = await patientToken(cat, 'patient/*.cruds patient/Consent.cruds')
  const sending = async () =>
    (await send(catsApp, 'POST', 'Observation', sent(glucose('MGDL'), cat, sources.silent))).statusCode
  t.equal(await sending(), 422)
  const { entry } = (await send(catsApp, 'GET', 'Consent')).json()
  await update(catsApp, { ...entry[0].resource, status: 'inactive' })
  await enrol(manager, asked.id, cat)
  await create(catsApp, consent(cat, asked.id, organization, kinds))
  t.equal(await sending(), 201, 'another study takes it, which is not strict')
})

t.test('somebody who may not write for a patient does not learn how strict the patient’s studies are', async t => {
  const tryAt = async () => {
    const { statusCode, body } = await send(
      bensApp,
      'POST',
      'Observation',
      sent(
        documentOf('omh:blood-glucose:4.0', { blood_glucose: { value: 95, unit: 'MGDL' }, effective_time_frame: at }),
        ann,
        sources.silent,
      ),
    )
    return [statusCode, body]
  }
  const before = await tryAt()
  await setPolicy(asked.id, 'strict')
  t.strictSame(await tryAt(), before)
  t.equal(before[0], 403)
  await setPolicy(asked.id, '')
})

t.test('a document can be marked entered-in-error, whatever it is like', async t => {
  const { id } = (await post(glucose('mg/dL', 'high'), sources.lax)).json()
  const stored = (await send(annsApp, 'GET', `Observation/${id}`)).json()
  await setPolicy(asked.id, 'strict')
  const answer = await send(annsApp, 'PUT', `Observation/${id}`, { ...stored, status: 'entered-in-error' })
  t.equal(answer.statusCode, 200)
  await setPolicy(asked.id, '')
})

t.test('a patch leaves the document as it was judged, or must pass the strictest policy if it changes it', async t => {
  const { id } = (await post(glucose('MGDL'), sources.silent)).json()
  const patch = (operations: readonly object[]) =>
    server.inject({
      method: 'PATCH',
      url: `/fhir/Observation/${id}`,
      headers: { authorization: `Bearer ${annsApp}`, 'content-type': 'application/json-patch+json' },
      payload: JSON.stringify(operations),
    })
  t.equal((await patch([{ op: 'add', path: '/note', value: [{ text: 'after lunch' }] }])).statusCode, 200)
  const data = Buffer.from(JSON.stringify(glucose('MGDL', 96))).toString('base64')
  const path = '/extension/0/valueAttachment/data'
  t.equal((await patch([{ op: 'replace', path, value: data }])).statusCode, 422)
})

t.test('$validate says what the applicable policy would', async t => {
  const validate = async (device: string) =>
    codesIn((await send(annsApp, 'POST', 'Observation/$validate', sent(glucose('MGDL'), ann, device))).json())
  t.strictSame([await validate(sources.silent), await validate(sources.strict)], [['unit-spelling'], ['schema-broken']])
})

t.test('an unknown policy is refused', async t => {
  const answer = await send(administrator, 'POST', 'Device', { resourceType: 'Device', extension: extension('sloppy') })
  t.equal(answer.statusCode, 422)
  t.match(answer.json().issue, [
    {
      code: 'code-invalid',
      diagnostics: 'A validation policy is one of strict, normalise, accept-with-warning, as valueCode',
      expression: ['Device.extension[0]'],
    },
  ])
})

t.test('an upload can be marked entered-in-error even when nothing new may be sent, and only by its owner', async t => {
  const { organization, manager } = await institution('clinic')
  const { id } = await study(manager, organization, 'Weights', ['omh:body-weight'])
  const eve = await participant(manager, organization, id, ['omh:body-weight'], 'Eve')
  const evesApp = await patientToken(eve, 'patient/Observation.cruds')
  const weight = documentOf('omh:body-weight:3.0', { body_weight: { value: 70, unit: 'kg' }, effective_time_frame: at })
  const post = (bearer: string, status: string) =>
    send(bearer, 'POST', 'Observation', sent(weight, eve, sources.silent, { status }))
  t.equal((await post(evesApp, 'final')).statusCode, 201)
  const consents = await patientToken(eve, 'patient/Consent.cruds')
  const [{ resource: consent }] = (await send(consents, 'GET', `Consent?patient=${eve}`)).json().entry
  await update(consents, { ...consent, status: 'inactive' })
  t.equal((await post(bensApp, 'entered-in-error')).statusCode, 403)
  const answer = await post(evesApp, 'entered-in-error')
  t.strictSame([answer.statusCode, answer.json().status], [200, 'entered-in-error'])
})
