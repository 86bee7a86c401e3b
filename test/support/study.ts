import type { Consent, Extension, ResearchStudy, Resource } from '@medplum/fhirtypes'
import { givenToStudy } from '../../src/access/consent-study.ts'
import { organizationRole, privacyOfficer } from '../../src/access/vocabulary.ts'
import { digestOf } from '../../src/fhir/attachment-digest.ts'
import { canonicalBase, extensions, systems } from '../../src/fhir/canonical.ts'
import { openAccount } from '../../src/storage/account/user-account.ts'
import { fhirWorld } from './fhir-server.ts'
import { wholeTextData } from './patient-text.ts'

type World = Awaited<ReturnType<typeof fhirWorld>>
type Answer = Awaited<ReturnType<World['server']['inject']>>

/** A world that is set up with FHIR alone, by people with tokens, as `MODEL.md` describes. */
export const openStudies = async (...options: Parameters<typeof fhirWorld>) => {
  const world = await fhirWorld(...options)
  const { server, database, token } = world
  const send = (bearer: string, method: 'GET' | 'POST' | 'PUT' | 'DELETE', url: string, payload?: object | string) =>
    server.inject({
      method,
      url: url.startsWith('http') ? url.slice(url.indexOf('/fhir')) : `/fhir${url && `/${url}`}`,
      headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/fhir+json' },
      ...(payload === undefined ? {} : { payload }),
    })
  const create = async <R extends Resource>(bearer: string, resource: R): Promise<R & { readonly id: string }> =>
    made(await send(bearer, 'POST', resource.resourceType, resource))
  const update = async (bearer: string, resource: Resource): Promise<Resource> =>
    made(await send(bearer, 'PUT', `${resource.resourceType}/${resource.id}`, resource))
  const administrator = await token({ subject: { kind: 'administrator' }, scope: 'user/*.cruds' })

  /** An institution with its manager, and the manager's token. */
  const institution = async (name: string) => {
    const { id: organization } = await create(administrator, { resourceType: 'Organization', name })
    const manager = await colleague(administrator, organization, `${name}-manager`, 'manager')
    return { organization, manager: await staffToken(manager, 'user/*.cruds') }
  }
  type Role = 'viewer' | 'member' | 'manager' | typeof privacyOfficer
  const colleague = async (by: string, organization: string, name: string, code: Role) => {
    const { id } = await create(by, { resourceType: 'Practitioner', name: [{ family: name }] })
    const practitioner = { reference: `Practitioner/${id}` }
    await create(by, {
      resourceType: 'PractitionerRole',
      practitioner,
      organization: { reference: `Organization/${organization}` },
      code: [{ coding: [{ system: organizationRole, code }] }],
    })
    const email = `${name}@example.org`
    const telecom = [{ system: 'email' as const, value: email }]
    const person = await create(by, { resourceType: 'Person', telecom, link: [{ target: practitioner }] })
    return { person: person.id, email, practitioner: id }
  }
  const staffToken = async ({ email, person }: { email: string; person: string }, scope: string) =>
    token({ subject: { kind: 'user', person: await openAccount(database, email, person) }, scope })
  /** The token of somebody who reads the record of the organization, and works nowhere. */
  const officer = async (organization: string, name: string) =>
    staffToken(await colleague(administrator, organization, name, privacyOfficer), 'user/*.rs')
  const patientToken = (patient: string, scope: string) => token({ subject: { kind: 'patient', patient }, scope })

  /** A study that asks for the kinds, with its Group and its own researcher. */
  const study = async (
    by: string,
    organization: string,
    title: string,
    kinds: readonly string[],
    identity: 'identified' | 'coded' = 'identified',
  ) => {
    const researcher = await colleague(by, organization, `${title}-researcher`, 'viewer')
    const { id, enrollment } = await create<ResearchStudy>(by, {
      resourceType: 'ResearchStudy',
      status: 'active',
      title,
      sponsor: { reference: `Organization/${organization}` },
      extension: [
        { url: extensions.identity, valueCode: identity },
        ...kinds.map(requestedData),
        patientText,
        staffEntry(researcher.practitioner),
      ],
    })
    return { id, group: enrollment?.[0]?.reference?.split('/')[1] ?? '', researcher }
  }

  /** Registered and invited by a member, and consenting to the kinds with a client that records consents. */
  const participant = async (
    by: string,
    organization: string,
    study: string,
    kinds: readonly string[],
    name: string,
  ) => {
    const { id } = await create(by, {
      resourceType: 'Patient',
      name: [{ family: name }],
      managingOrganization: { reference: `Organization/${organization}` },
    })
    await enrol(by, study, id)
    await create(await patientToken(id, 'patient/Consent.cruds'), consent(id, study, organization, kinds))
    return id
  }
  const enrol = (by: string, study: string, patient: string) =>
    create(by, {
      resourceType: 'ResearchSubject',
      status: 'on-study',
      study: { reference: `ResearchStudy/${study}` },
      individual: { reference: `Patient/${patient}` },
    })

  /** Every page of a search. */
  const pages = async (bearer: string, query: string) => {
    const found: { resource: Resource }[] = []
    for (let url: string | undefined = query; url !== undefined; ) {
      const bundle = made(await send(bearer, 'GET', url))
      found.push(...(bundle.entry ?? []))
      url = bundle.link.find(({ relation }: { relation: string }) => relation === 'next')?.url
    }
    return found
  }
  return {
    ...world,
    administrator,
    send,
    create,
    update,
    institution,
    study,
    participant,
    enrol,
    staffToken,
    officer,
    patientToken,
    pages,
  }
}

// biome-ignore lint/suspicious/noExplicitAny: tests read into any part of an answer
const made = (answer: Answer): any => {
  if (answer.statusCode >= 300) throw new Error(`${answer.statusCode} ${answer.body}`)
  return answer.json()
}

const kind = (code: string) => ({ coding: [{ system: systems.omh, code }] })

const requestedData = (code: string): Extension => ({
  url: extensions.requestedData,
  extension: [{ url: 'kind', valueCodeableConcept: kind(code) }],
})

const text = wholeTextData('We ask you to share what you measure.')

const patientText: Extension = {
  url: extensions.patientText,
  extension: [
    { url: 'version', valueString: '1' },
    { url: 'text', valueAttachment: { contentType: 'text/plain', data: text } },
  ],
}

export const staffEntry = (practitioner: string): Extension => ({
  url: extensions.staff,
  extension: [
    { url: 'practitioner', valueReference: { reference: `Practitioner/${practitioner}` } },
    {
      url: 'role',
      valueCodeableConcept: { coding: [{ system: `${canonicalBase}/CodeSystem/staff-role`, code: 'researcher' }] },
    },
  ],
})

/** Given for everything that was ever measured. */
export const consent = (patient: string, study: string, organization: string, kinds: readonly string[]): Consent => ({
  resourceType: 'Consent',
  status: 'active',
  scope: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentscope', code: 'research' }] },
  category: [{ coding: [{ system: systems.loinc, code: '59284-0' }] }],
  patient: { reference: `Patient/${patient}` },
  dateTime: new Date().toISOString(),
  sourceAttachment: { hash: digestOf('sha1', text) },
  policyRule: { coding: [{ code: 'deny-unless-permitted' }] },
  provision: givenToStudy(study, {
    type: 'deny',
    provision: kinds.map(code => ({
      type: 'permit' as const,
      code: [kind(code)],
      actor: [{ role: { coding: [{ code: 'IRCP' }] }, reference: { reference: `Organization/${organization}` } }],
      dataPeriod: { start: '2000-01-01' },
    })),
  }),
})
