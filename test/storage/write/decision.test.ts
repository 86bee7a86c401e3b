import type { Consent, Provenance, Resource } from '@medplum/fhirtypes'
import t from 'tap'
import { inactivationReason } from '../../../src/access/vocabulary.ts'
import { digestOf } from '../../../src/fhir/attachment-digest.ts'
import { loadRegistry } from '../../../src/fhir/registry.ts'
import { isError, validate } from '../../../src/fhir/validate/validate.ts'
import { parseSearch } from '../../../src/search/parse.ts'
import { clinicalConsent } from '../../support/clinical-consent.ts'
import * as w from '../model/world.ts'

const heartRate = 'omh:heart-rate'
const registry = loadRegistry()
const world = await w.openWorld()
t.teardown(world.close)
const { put, see, storeOf } = world

await put(
  w.organization('lab'),
  w.role('member', 'lab', 'member'),
  { resourceType: 'Person', id: 'person-member', link: [{ target: { reference: 'Practitioner/member' } }] },
  w.registered('ann', 'lab'),
  w.registered('bob', 'lab'),
  w.study('s', 'lab', [w.requests(heartRate), w.requestsType('Condition')]),
  w.enrols('s', 'ann'),
)
const ann = w.patient('ann', 'patient/*.cruds patient/Consent.cruds user/*.rs', ['records-consent'])
const member = w.staff('member')

const consent = (status: NonNullable<Consent['status']>, id = 'c', permits = [w.permit(heartRate)]): Consent => ({
  ...w.consent('s', 'ann', status, permits),
  id,
})
const write = async (caller: Parameters<typeof storeOf>[0], resource: Resource) => {
  const [written] = await storeOf(caller).write([{ kind: 'update', id: resource.id ?? '', resource }])
  if (written?.outcome === 'refused') throw written.error
}
/** Those of the Consent, the oldest first. */
const told = async (caller: Parameters<typeof storeOf>[0], id = 'c'): Promise<readonly Provenance[]> => {
  const { entries } = await storeOf(caller).search(
    parseSearch(registry, 'Provenance', new URLSearchParams(`target=Consent/${id}&_sort=_lastUpdated`)),
  )
  return entries.map(({ content }) => JSON.parse(content))
}
const outline = ({ activity, target, agent }: Provenance) =>
  [activity?.coding?.[0]?.code, target[0]?.reference, agent[0]?.who.reference].join(' ')

t.test('signing leaves a Provenance of who signed, what, and which text', async t => {
  await put(consent('proposed'))
  t.strictSame(await told(ann), [], 'a proposal is not a decision')
  await write(ann, consent('active'))
  const [signed, ...others] = await told(ann)
  t.strictSame(others, [])
  t.match(signed?.recorded, /^\d{4}-.*Z$/)
  const { id: _, meta: __, recorded: ___, ...rest } = signed ?? { recorded: '' }
  t.strictSame(rest, {
    resourceType: 'Provenance',
    target: [{ reference: 'Consent/c/_history/2' }],
    activity: { coding: [{ system: 'https://sharewell.dev/fhir/CodeSystem/consent-decision', code: 'signed' }] },
    agent: [
      {
        type: {
          coding: [{ system: 'http://terminology.hl7.org/CodeSystem/provenance-participant-type', code: 'author' }],
        },
        who: { reference: 'Patient/ann' },
      },
    ],
    entity: [
      {
        role: 'source',
        what: {
          identifier: {
            system: 'https://sharewell.dev/fhir/patient-text-hash',
            value: consent('active').sourceAttachment?.hash,
          },
          display: 'Patient text, version 1',
        },
      },
    ],
  })
  t.strictSame(validate(registry, signed).filter(isError), [])
})

t.test('a change of the terms leaves one, any other change does not', async t => {
  await write(ann, { ...consent('active'), language: 'es' } as Consent)
  t.equal((await told(ann)).length, 1)
  await write(ann, consent('active', 'c', [w.permit(heartRate), w.permitType('Condition')]))
  t.strictSame((await told(ann)).map(outline), [
    'signed Consent/c/_history/2 Patient/ann',
    'changed Consent/c/_history/4 Patient/ann',
  ])
})

t.test('so does ending a Consent, in which staff are named as Practitioners', async t => {
  const because = { url: inactivationReason, valueString: 'by telephone' }
  const now = consent('inactive', 'c', [w.permit(heartRate), w.permitType('Condition')])
  await write(member, { ...now, extension: [...(now.extension ?? []), because] })
  t.equal((await told(ann)).map(outline).at(-1), 'withdrawn Consent/c/_history/5 Practitioner/member')
  t.equal((await told(ann)).length, 3)
})

t.test('without a study, the text is named if the Consent itself holds it', async t => {
  const text = { contentType: 'text/plain', title: 'Sharing', data: Buffer.from('You share.').toString('base64') }
  const hash = digestOf('sha1', text.data)
  for (const [id, sourceAttachment, entity] of [
    [
      'care',
      { ...text, hash },
      [
        {
          role: 'source',
          what: {
            identifier: {
              system: 'https://sharewell.dev/fhir/patient-text-hash',
              value: hash,
            },
            display: 'Sharing',
          },
        },
      ],
    ],
    ['only-hash', { hash: text.data }, undefined],
  ] as const) {
    const given = { ...clinicalConsent('ann', { to: `Practitioner/${id}`, kinds: [heartRate] }), id, sourceAttachment }
    await put({ ...given, status: 'proposed' })
    await write(ann, { ...given, dateTime: new Date().toISOString() })
    const [signed] = await told(ann, id)
    t.strictSame(signed?.entity, entity, id)
  }
})

t.test('so do a refusal, and a withdrawal by deletion', async t => {
  await put(consent('proposed', 'no'))
  await write(ann, consent('rejected', 'no'))
  t.strictSame((await told(ann, 'no')).map(outline), ['rejected Consent/no/_history/2 Patient/ann'])
  await put(w.signedAnew(consent('active', 'gone')))
  const everything = w.client('importer', { policies: ['everything'] })
  t.equal((await told(everything, 'gone'))[0]?.agent[0]?.who.identifier?.value, 'importer')
  await storeOf(ann).write([{ kind: 'delete', type: 'Consent', id: 'gone' }])
  t.strictSame((await told(everything, 'gone')).map(outline), [
    'signed Consent/gone/_history/1 ',
    'withdrawn Consent/gone/_history/1 Patient/ann',
  ])
})

t.test('neither a refused Consent nor one that is not understood leaves a Provenance', async t => {
  const before = (await see(world.importer, 'Provenance')).length
  const { sourceAttachment: _, ...unsigned } = w.signedAnew(consent('active', 'unsigned'))
  await t.rejects(put(unsigned as Consent))
  await put({ ...consent('active', 'other'), scope: { coding: [{ code: 'adr' }] } })
  t.equal((await see(world.importer, 'Provenance')).length, before)
})

t.test('whoever can read the Consent can read it, and nobody can write it', async t => {
  t.equal((await told(member)).length, 3)
  t.strictSame(await told(w.patient('bob', 'user/*.rs')), [])
  t.strictSame(await told(w.staff('nobody')), [])
  const [signed] = await told(ann)
  const [forged] = await storeOf(w.staff('nobody')).write([{ kind: 'create', resource: signed as Provenance }])
  t.equal(forged?.outcome, 'refused')
  const [changed] = await storeOf(ann).write([{ kind: 'update', id: signed?.id ?? '', resource: signed as Provenance }])
  t.equal(changed?.outcome, 'refused')
})
