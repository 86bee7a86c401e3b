import type { Device, Observation, Organization, Patient, ResearchStudy, ResourceType } from '@medplum/fhirtypes'
import { FhirError } from '../../fhir/error.ts'
import type { CodeClasses } from '../../fhir/measured/code-class.ts'
import type { Mhealth } from '../../mhealth/mhealth.ts'
import { escaped } from '../../search/escape.ts'
import { type Asking, requireStaff } from './asking.ts'
import { presentConsents } from './consents.ts'
import { toDataSource } from './data-sources.ts'
import { decide } from './deciding.ts'
import { presentObservations } from './observations.ts'
import { rolesOf, toOrganization } from './organizations.ts'
import { idOf, type PageAsked, pageOf } from './page.ts'
import { ownPatient, presentPatient, presentPatients, toFoundPatient } from './patients.ts'
import { profileOf } from './profile.ts'
import { findStudy, groupOf, knownAs, presentStudies, presentStudy } from './studies.ts'

type Parts = { readonly codeClasses: CodeClasses; readonly mhealth: Pick<Mhealth, 'documentOf' | 'measuredDocumentOf'> }

/** What a route is asked. `path` has the parts that are named in its path. */
type Asked = {
  readonly asking: Asking
  readonly path: Readonly<Record<string, string>>
  readonly query: URLSearchParams
  readonly page: PageAsked
  readonly body: unknown
}

type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE'

export type Route = {
  readonly method: Method
  readonly path: string
  /** The type that it is about, for the record of who did what. */
  readonly type: ResourceType
  /** The parameters of its query, in addition to those of the page if there are pages. */
  readonly parameters?: readonly string[]
  readonly isPaged?: true
  readonly status?: number
  readonly answer: (asked: Asked, parts: Parts) => Promise<object>
}

/** The REST contract of today's clients of the JupyterHealth Exchange, as far as it is served. */
export const routes: readonly Route[] = [
  { method: 'GET', path: 'users/profile', type: 'Person', answer: ({ asking }) => profileOf(asking) },
  {
    method: 'GET',
    path: 'patients',
    type: 'Patient',
    parameters: ['organization_id', 'study_id', 'patient_id', 'patient_identifier_value'],
    isPaged: true,
    answer: async ({ asking, query, page }) => {
      requireStaff(asking)
      const identifier = query.get('patient_identifier_value')
      return pageOf<Patient>(asking, 'Patient', {
        asked: page,
        where: {
          ...referring('organization', 'Organization', idOf(query, 'organization_id')),
          ...named('_has:Group:member:_id', await groupAsked(asking, query)),
          ...named('_id', idOf(query, 'patient_id')),
          ...(identifier === null ? {} : { identifier: escaped(identifier) }),
        },
        present: patients => presentPatients(asking, patients),
      })
    },
  },
  {
    method: 'GET',
    path: 'patients/me',
    type: 'Patient',
    answer: async ({ asking }) => Object(await presentPatient(asking, await ownPatient(asking))),
  },
  {
    method: 'GET',
    path: 'patients/global_lookup',
    type: 'Patient',
    parameters: ['email'],
    answer: async ({ asking, query }) => {
      requireStaff(asking)
      const email = query.get('email')
      if (email === null || email === '') throw new FhirError('invalid', 'email is needed', { expression: 'email' })
      const { resources } = await asking.search<Patient>('Patient', { email: escaped(email), _count: '1000' })
      return resources.map(toFoundPatient)
    },
  },
  {
    method: 'GET',
    path: 'patients/:id',
    type: 'Patient',
    answer: async ({ asking, path }) => {
      const own = asking.caller.patient === path.id && asking.caller.practitioner === undefined
      const patient = own ? await ownPatient(asking) : await asking.read<Patient>('Patient', path.id ?? '')
      return Object(await presentPatient(asking, patient))
    },
  },
  {
    method: 'GET',
    path: 'patients/:id/consents',
    type: 'Consent',
    answer: ({ asking, path }, { codeClasses }) => presentConsents(asking, path.id ?? '', codeClasses),
  },
  ...(['POST', 'PATCH', 'DELETE'] as const).map(
    (method): Route => ({
      method,
      path: 'patients/:id/consents',
      type: 'Consent',
      status: ({ POST: 201, PATCH: 200, DELETE: 204 } as const)[method],
      answer: ({ asking, path, body }, { codeClasses: classes }) =>
        decide(asking, path.id ?? '', { body, classes, ends: method === 'DELETE' }),
    }),
  ),
  {
    method: 'GET',
    path: 'studies',
    type: 'ResearchStudy',
    parameters: ['organization_id'],
    isPaged: true,
    answer: ({ asking, query, page }) =>
      pageOf<ResearchStudy>(asking, 'ResearchStudy', {
        asked: page,
        where: referring('sponsor', 'Organization', idOf(query, 'organization_id')),
        present: studies => presentStudies(asking, studies),
      }),
  },
  {
    method: 'GET',
    path: 'studies/:id',
    type: 'ResearchStudy',
    answer: async ({ asking, path }) => presentStudy(asking, await findStudy(asking, path.id ?? '')),
  },
  {
    method: 'GET',
    path: 'organizations',
    type: 'Organization',
    parameters: ['part_of'],
    isPaged: true,
    answer: async ({ asking, query, page }) => {
      const roles = await rolesOf(asking)
      return pageOf<Organization>(asking, 'Organization', {
        asked: page,
        where: referring('partof', 'Organization', idOf(query, 'part_of')),
        present: async organizations => organizations.map(one => toOrganization(one, roles)),
      })
    },
  },
  {
    method: 'GET',
    path: 'organizations/:id',
    type: 'Organization',
    answer: async ({ asking, path }) =>
      toOrganization(await asking.read<Organization>('Organization', path.id ?? ''), await rolesOf(asking)),
  },
  {
    method: 'GET',
    path: 'data_sources',
    type: 'Device',
    isPaged: true,
    answer: ({ asking, page }, { codeClasses }) =>
      pageOf<Device>(asking, 'Device', {
        asked: page,
        where: { 'patient:missing': 'true' },
        present: async devices => devices.map(one => toDataSource(one, codeClasses)),
      }),
  },
  {
    method: 'GET',
    path: 'observations',
    type: 'Observation',
    parameters: ['organization_id', 'study_id', 'patient_id', 'observation_id'],
    isPaged: true,
    answer: async ({ asking, query, page }, parts) => {
      const study = idOf(query, 'study_id')
      // A search by membership would leave out the people whom a coded study knows by code alone.
      const inStudy = study === undefined ? asking : asking.within(await studyAsked(asking, study))
      return pageOf<Observation>(inStudy, 'Observation', {
        asked: page,
        where: {
          ...referring('patient', 'Patient', idOf(query, 'patient_id')),
          ...referring('patient.organization', 'Organization', idOf(query, 'organization_id')),
          ...named('_id', idOf(query, 'observation_id')),
        },
        present: observations => presentObservations(asking, observations, parts),
      })
    },
  },
]

const named = (name: string, value: string | undefined) => (value === undefined ? {} : { [name]: value })

const referring = (name: string, type: string, id: string | undefined) =>
  named(name, id === undefined ? undefined : `${type}/${id}`)

/** A token that is narrowed to the study needs no scope for it: whatever it finds is from that study. */
const studyAsked = async (asking: Asking, id: string): Promise<string> => {
  const own = await asking.findOwnStudy()
  const study = own !== undefined && [groupOf(own), own.id].includes(id) ? own : await findStudy(asking, id)
  return study.id ?? ''
}

/** For the caller, a study that they do not know has no members. */
const groupAsked = async (asking: Asking, query: URLSearchParams): Promise<string | undefined> => {
  const id = idOf(query, 'study_id')
  return id === undefined ? undefined : knownAs(await findStudy(asking, id))
}
