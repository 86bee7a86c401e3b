import { join } from 'node:path'
import type { Consent, ConsentProvision, Extension, Observation, Resource } from '@medplum/fhirtypes'
import { givenToStudy } from '../../src/access/consent-study.ts'
import { ownerSystem } from '../../src/access/owner.ts'
import type { Work } from '../../src/app.ts'
import { keepClient, type NewClient } from '../../src/storage/authorization/client-registration.ts'
import { point, upload } from '../mhealth/upload.ts'
import * as w from '../storage/model/world.ts'
import { withFilledDatabase } from '../support/database.ts'
import { fhirWorldOver } from '../support/fhir-server.ts'
import * as facts from './facts.ts'

/** A server with all facts stored; `owned` is what only a member could create, with ids that the server chose. */
export const openNoLeakWorld = async (work?: Work, environment: Readonly<Record<string, string>> = {}) => {
  const sources = ['.', '../storage/model', '../mhealth'].map(folder => join(import.meta.dirname, folder))
  const { told, ...database } = await withFilledDatabase({ sources }, fill)
  const world = await fhirWorldOver(database, environment, work)
  const call = callerOf(world.server)
  return { ...world, call, everything: call('everything'), ...told }
}

/** Everything is stored over HTTP, by a server that is closed afterwards. */
const fill = async (url: string) => {
  const { server, database, token } = await fhirWorldOver({ url, close: async () => {} })
  const call = callerOf(server)
  const everything = call('everything')
  for (const resource of resources())
    await stored(everything('PUT', `${resource.resourceType}/${resource.id}`, resource))
  const registrar = call(await token({ subject: { kind: 'user', person: 'person-registrar' }, scope: 'user/*.cruds' }))
  const owned: Resource[] = []
  for (const resource of ofTheLab) owned.push(await stored(registrar('POST', resource.resourceType, resource)))
  const uploaded = await uploadedBy(everything)
  const described = await describedBy(everything)
  const decisions = await decisionsOf(everything)
  await keepClient(database, stranger)
  await server.close()
  return { owned, uploaded, described, decisions }
}

/** An app that registered itself. */
const stranger: NewClient = {
  id: 'stranger',
  name: 'Stranger',
  policies: [],
  scope: '',
  selfRegistered: true,
  metadata: { redirect_uris: [], grant_types: [], response_types: [], token_endpoint_auth_method: 'none' },
}

/**
 * One upload for two patients, of which a part of pat's is shared: ids of what it brought, of those that are pat's, and of the Provenance of pat's
 * part.
 */
const uploadedBy = async (everything: Call) => {
  const measured = [
    ['pat', facts.heartRate, '2026-03-02'],
    ['pat', facts.heartRate, '2026-01-02'],
    ['pat', facts.weight, '2026-03-02'],
    ['kim', facts.pressure, '2026-03-02'],
  ] as const
  const entry = measured.map(([patient, kind, effectiveDateTime]) => ({
    resource: {
      resourceType: 'Observation',
      status: 'final',
      code: { coding: [{ system: 'https://w3id.org/openmhealth', code: kind }] },
      subject: reference(`Patient/${patient}`),
      effectiveDateTime,
    },
    request: { method: 'POST', url: 'Observation' },
  }))
  const { body } = await everything('POST', '', { resourceType: 'Bundle', type: 'batch', entry })
  const answers: readonly { readonly response: { readonly location: string } }[] = JSON.parse(body).entry
  const ids = answers.map(({ response }) => response.location.split('/').at(-3) ?? '')
  const [shown = '', ...hidden] = ids
  const ofPat = ids.filter((_, at) => measured[at]?.[0] === 'pat')
  const found = await everything('GET', `Provenance?target=Observation/${shown}`)
  return { provenance: JSON.parse(found.body).entry[0].resource.id as string, shown, hidden, ofPat }
}

/** Ids of the Devices that headers of lou's documents describe: a scale, whose weight is shared, and a watch, whose heart rate is not. */
const describedBy = async (everything: Call) => {
  const made = async (schema: string, measure: object, serial: string) => {
    const header = { external_datasheets: [{ datasheet_type: 'serial_number', datasheet_reference: serial }] }
    const body = { ...measure, effective_time_frame: { date_time: '2026-03-01T00:00:00Z' } }
    const { device: _, ...sent } = upload(point(schema, body, header))
    const found = await stored(everything('POST', 'Observation', { ...sent, subject: reference('Patient/lou') }))
    return (found as Observation).device?.reference?.split('/')[1] ?? ''
  }
  return {
    shown: await made('omh:body-weight:2.0', { body_weight: { value: 70, unit: 'kg' } }, 'scale'),
    hidden: await made('omh:heart-rate:2.0', { heart_rate: { value: 70, unit: 'beats/min' } }, 'watch'),
  }
}

/** Ids of the Provenances that the server wrote for ann's Consent to the study `open`. */
const decisionsOf = async (everything: Call): Promise<readonly string[]> => {
  const { body } = await everything('GET', 'Provenance?target=Consent/consent-open-ann')
  const { entry } = JSON.parse(body) as { readonly entry: readonly { readonly resource: Resource }[] }
  return entry.flatMap(({ resource: { id } }) => (id === undefined || id === 'of-consent' ? [] : [id]))
}

export type World = Awaited<ReturnType<typeof openNoLeakWorld>>

export type Answer = {
  readonly status: number
  readonly body: string
  readonly headers: Readonly<Record<string, unknown>>
}

export type Call = (
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
  path: string,
  body?: unknown,
  headers?: Readonly<Record<string, string>>,
) => Promise<Answer>

/** Sends requests with the token, below the FHIR base or that of a face; if undefined, without a token. A string is sent as a form. */
const callerOf =
  (server: Awaited<ReturnType<typeof fhirWorldOver>>['server']) =>
  (token: string | undefined, base = '/fhir'): Call =>
  async (method, path, body, headers = {}) => {
    const bearer = token === undefined ? {} : { authorization: `Bearer ${token}` }
    const { payload, type } = sent(body)
    const answer = await server.inject({
      method,
      url: `${base}/${path}`,
      headers: { accept: 'application/fhir+json', ...bearer, ...type, ...headers },
      ...(payload === undefined ? {} : { payload }),
    })
    return { status: answer.statusCode, body: answer.body, headers: answer.headers }
  }

const sent = (body: unknown) => {
  if (body === undefined) return {}
  return typeof body === 'string'
    ? { payload: body, type: { 'content-type': 'application/x-www-form-urlencoded' } }
    : { payload: JSON.stringify(body), type: { 'content-type': 'application/fhir+json' } }
}

const stored = async (answer: Promise<Answer>): Promise<Resource> => {
  const { status, body } = await answer
  if (status !== 201 && status !== 200) throw new Error(`the world was refused: ${status} ${body}`)
  return JSON.parse(body)
}

const reference = (to: string) => ({ reference: to })

const resources = (): readonly Resource[] => [
  ...facts.organizations.map(([id, parent]) => w.organization(id, parent)),
  ...facts.practitioners.map((id): Resource => ({ resourceType: 'Practitioner', id, name: [{ family: id }] })),
  ...facts.memberships.map(({ practitioner, organization, role, ended }) =>
    w.role(practitioner, organization, role, ended && '2020-01-01'),
  ),
  ...facts.officers.map(({ practitioner, organization, ended }) =>
    w.role(practitioner, organization, 'privacy-officer', ended && '2020-01-01'),
  ),
  ...facts.patients.map(
    ([id, organization]): Resource =>
      ({ ...w.registered(id, organization), name: [{ family: `secret-${id}` }] }) as Resource,
  ),
  ...facts.practitioners.map(id => person(`person-${id}`, `Practitioner/${id}`)),
  person('person-ann', 'Patient/ann'),
  person('person-pat', ...facts.joined.map(id => `Patient/${id}`)),
  { resourceType: 'Device', id: 'acme', manufacturer: 'Acme' },
  { resourceType: 'Device', id: 'other', manufacturer: 'Other' },
  ...['ann-acme', 'ann-other', 'bob-acme', 'jon-acme'].map(deviceOf),
  ...facts.studies.flatMap(study => studyOf(study, study.texts?.slice(0, 1))),
  ...facts.enrolments.map(({ study, patient, ended }) => w.enrols(study, patient, ended ? 'withdrawn' : 'on-study')),
  ...facts.consents.filter(({ text = 0 }) => text === 0).map(consentOf),
  ...facts.studies.filter(({ texts }) => texts !== undefined).flatMap(study => studyOf(study)),
  ...facts.consents.filter(({ text = 0 }) => text > 0).map(consentOf),
  ...facts.observations.filter(({ late }) => !late).map(observationOf),
  ...beside,
  ...facts.consents.filter(({ withdrawn }) => withdrawn).map(one => consentOf({ ...one, status: 'inactive' })),
  ...facts.observations.filter(({ late }) => late).map(observationOf),
]

const person = (id: string, ...targets: readonly string[]): Resource => ({
  resourceType: 'Person',
  id,
  link: targets.map(target => ({ target: reference(target) })),
})

const deviceOf = (id: string): Resource => {
  const [patient, source] = id.split('-')
  return {
    resourceType: 'Device',
    id,
    patient: reference(`Patient/${patient}`),
    parent: reference(`Device/${source}`),
  }
}

/** With the versions of its text so far, and only the staff whom they name. */
const studyOf = (
  { id, organization, access, identity, over, withdrawal, staff, texts: all }: facts.Study,
  texts = all,
): readonly Resource[] => [
  w.groupOf(id, organization),
  {
    ...w.study(
      id,
      organization,
      [
        w.chooses('access', access),
        w.chooses('identity', identity),
        w.requests(facts.heartRate),
        w.requests(facts.weight),
        ...(withdrawal === undefined ? [] : [w.patientText('1', w.usualWords, withdrawal)]),
        w.requestsType('Condition'),
        w.requestsType('QuestionnaireResponse'),
        ...(texts ?? []).map((recipients, version) => naming(organization, version, recipients)),
        ...staff
          .filter(({ practitioner }) => texts?.at(-1)?.includes(practitioner) !== false)
          .map(({ practitioner, ended }) => w.works(practitioner, 'researcher', ended && '2020-01-01')),
      ],
      over ? 'completed' : 'active',
    ),
  },
]

/** A version of a text that names its recipients. */
const naming = (organization: string, version: number, recipients: readonly string[]): Extension => {
  const { extension = [], ...text } = w.patientText(`${version}`, wordsOf(version))
  const named = [`Organization/${organization}`, ...recipients.map(id => `Practitioner/${id}`)]
  return {
    ...text,
    extension: [...extension, ...named.map(to => ({ url: 'recipient', valueReference: reference(to) }))],
  }
}

const wordsOf = (version: number): string => `Version ${version}`

export const consentOf = ({ patient, to, status, permits, types = [], denies, text }: facts.Consent): Consent => {
  const study = to.startsWith('ResearchStudy/')
  const nested = [
    ...permits.map(permitOf),
    ...types.map(type => w.permitType(type, { dataPeriod: { start: '2026-02-01' } })),
    ...(denies === undefined ? [] : [{ type: 'deny' as const, code: [w.kind(denies)] }]),
  ]
  const [, id = ''] = to.split('/')
  const { extension: _, ...rest } = w.consent(id, patient, status, nested)
  if (study) {
    const given = { ...rest, provision: givenToStudy(id, rest.provision ?? {}) }
    return text === undefined ? given : { ...given, sourceAttachment: w.sourceOf(wordsOf(text)) }
  }
  return {
    ...rest,
    scope: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentscope', code: 'patient-privacy' }] },
    provision: {
      type: 'deny',
      actor: [{ role: { coding: [{ code: 'IRCP' }] }, reference: reference(to) }],
      provision: nested,
    },
  }
}

const permitOf = ({ kind, source, from, to, over }: facts.Permit): ConsentProvision =>
  w.permit(kind, {
    ...(from === undefined && to === undefined
      ? {}
      : { dataPeriod: { ...(from && { start: from }), ...(to && { end: to }) } }),
    ...(over ? { period: { end: '2020-01-01' } } : {}),
    ...(source === undefined ? {} : { data: [{ meaning: 'related', reference: reference(`Device/${source}`) }] }),
  })

export const observationOf = (measured: facts.Measured): Resource => {
  const { id, patient, kinds, spelled, device, derivedFrom } = measured
  const [own, ...others] = kinds
  const [system, code] = spelled ?? ['https://w3id.org/openmhealth', own]
  return {
    resourceType: 'Observation',
    id,
    status: 'final',
    code: { coding: [{ ...(system && { system }), ...(code && { code }) }] },
    subject: reference(`Patient/${patient}`),
    valueQuantity: { value: 71, unit: 'x' },
    ...(others.length > 0 && { component: others.map(kind => ({ code: w.kind(kind), valueString: 'x' })) }),
    ...(device !== undefined && { device: reference(`Device/${device}`) }),
    ...effectiveOf(measured),
    ...(derivedFrom && { derivedFrom: derivedFrom.map(one => reference(`Observation/${one}`)) }),
  } as Observation
}

const effectiveOf = ({ days, endsAfterMs }: facts.Measured): Partial<Observation> => {
  if (days === undefined) return {}
  const [start, end] = days
  if (endsAfterMs === undefined)
    return start === end ? { effectiveDateTime: start } : { effectivePeriod: { start, end } }
  const ends = new Date(Date.parse(`${end}T24:00:00Z`) + endsAfterMs).toISOString()
  return { effectivePeriod: { start, end: endsAfterMs === 0 ? ends.replace('.000', '') : ends } }
}

const provenance = (id: string, ...targets: readonly string[]): Resource => ({
  resourceType: 'Provenance',
  id,
  target: targets.map(reference),
  recorded: '2026-01-01T00:00:00Z',
  agent: [{ who: { display: 'somebody' } }],
})

const binary = (id: string, context: string): Resource => ({
  resourceType: 'Binary',
  id,
  contentType: 'text/plain',
  securityContext: reference(context),
  data: 'c2VjcmV0',
})

const auditEvent = (id: string, organization: string | undefined, ...patients: readonly string[]) => ({
  resourceType: 'AuditEvent',
  id,
  ...(organization === undefined ? {} : { meta: { tag: [{ system: ownerSystem, code: organization }] } }),
  type: { code: 'rest' },
  recorded: '2026-01-01T00:00:00Z',
  agent: [{ requestor: true }],
  source: { observer: { display: 'server' } },
  ...(patients.length === 0 ? {} : { entity: patients.map(one => ({ what: reference(`Patient/${one}`) })) }),
})

/** What no organization owns, as after an import. */
const beside: readonly Resource[] = [
  provenance('of-consent', 'Consent/consent-open-ann'),
  provenance('of-hidden', 'Observation/ann-pressure'),
  provenance('of-shown', 'Observation/ann-heart-0'),
  provenance('of-both', 'Observation/ann-heart-0', 'Observation/ann-pressure'),
  binary('in-context', 'Patient/ann'),
  binary('in-hidden-context', 'Observation/ann-pressure'),
  binary('in-foreign-context', 'Patient/jon'),
  binary('in-no-known-context', 'Practitioner/dean'),
  { resourceType: 'List', id: 'of-nobody', status: 'current', mode: 'working', subject: reference('Patient/ann') },
  { resourceType: 'Condition', id: 'ann-own', subject: reference('Patient/ann') },
  ...['ann', 'bob', 'cat', 'dan', 'gil', 'kim', 'may'].map(id => ({
    resourceType: 'Condition',
    id: `${id}-named`,
    subject: reference(`Patient/${id}`),
    recordedDate: '2026-03-01',
  })),
  { resourceType: 'Condition', id: 'ann-early', subject: reference('Patient/ann'), recordedDate: '2026-01-31' },
  {
    resourceType: 'QuestionnaireResponse',
    id: 'ann-answers',
    status: 'completed',
    subject: reference('Patient/ann'),
    authored: '2026-03-01',
  },
  {
    resourceType: 'Procedure',
    id: 'ann-unnamed',
    status: 'completed',
    subject: reference('Patient/ann'),
    performedDateTime: '2026-03-01',
  },
  provenance('of-answers', 'QuestionnaireResponse/ann-answers'),
  auditEvent('about-ann', undefined, 'ann'),
  auditEvent('about-two', undefined, 'ann', 'bob'),
  auditEvent('in-lab', 'lab', 'ann'),
  auditEvent('in-lab-about-two', 'lab', 'ann', 'bob'),
  auditEvent('in-elsewhere', 'elsewhere', 'jon'),
  auditEvent('in-university', 'university'),
] as Resource[]

const ofTheLab: readonly Resource[] = [
  { resourceType: 'Condition', subject: reference('Patient/ann') },
  { resourceType: 'Questionnaire', status: 'draft' },
  { resourceType: 'Basic', code: { text: 'x' } },
  { resourceType: 'List', status: 'current', mode: 'working' },
  { resourceType: 'Binary', contentType: 'text/plain', data: 'eA==' },
  {
    resourceType: 'Subscription',
    status: 'off',
    reason: 'x',
    criteria: 'Observation?code=x',
    channel: { type: 'rest-hook' },
  },
] as Resource[]
