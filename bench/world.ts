import type { Resource } from '@medplum/fhirtypes'
import { givenToStudy } from '../src/access/consent-study.ts'
import { organizationRole } from '../src/access/vocabulary.ts'
import { digestOf } from '../src/fhir/attachment-digest.ts'
import { extensions, systems } from '../src/fhir/canonical.ts'
import { wholeTextData } from '../test/support/patient-text.ts'
import type { Api } from './api.ts'
import { measures } from './documents.ts'

export const person = 'bench-person'

/** Writes a lab with a researcher and two studies; `consenting` of the people say yes to the first, the others to the second. */
export const buildWorld = async (
  importer: Api,
  people: readonly string[],
  consenting = people.length,
): Promise<void> => {
  const studies = people.map((_, index) => (index < consenting ? 'bench-study' : 'other-study'))
  const resources = [
    ...laboratory,
    ...studyOf('bench-study', 'bench-lab'),
    ...studyOf('other-study', 'other-lab'),
    ...people.flatMap((patient, index) => participant(patient, studies[index] ?? '')),
  ]
  for (const resource of resources) await importer.put(`/${resource.resourceType}/${resource.id}`, resource)
}

const laboratory: readonly Resource[] = [
  { resourceType: 'Organization', id: 'bench-lab', name: 'Bench lab' },
  { resourceType: 'Organization', id: 'other-lab', name: 'Other lab' },
  { resourceType: 'Practitioner', id: 'bench-researcher', name: [{ family: 'Bench' }] },
  {
    resourceType: 'PractitionerRole',
    id: 'bench-role',
    practitioner: { reference: 'Practitioner/bench-researcher' },
    organization: { reference: 'Organization/bench-lab' },
    code: [{ coding: [{ system: organizationRole, code: 'member' }] }],
  },
  { resourceType: 'Person', id: person, link: [{ target: { reference: 'Practitioner/bench-researcher' } }] },
  { resourceType: 'Device', id: 'bench-sensor', manufacturer: 'Acme', modelNumber: 'One' },
]

const kinds = Object.values(measures).map(({ kind }) => kind)
const conceptOf = (code: string) => ({ coding: [{ system: systems.omh, code }] })

const text = wholeTextData('We ask you to share what you measure.')

const studyOf = (id: string, organization: string): readonly Resource[] => [
  {
    resourceType: 'Group',
    id: `${id}-group`,
    type: 'person',
    actual: true,
    managingEntity: { reference: `Organization/${organization}` },
  },
  {
    resourceType: 'ResearchStudy',
    id,
    status: 'active',
    sponsor: { reference: `Organization/${organization}` },
    enrollment: [{ reference: `Group/${id}-group` }],
    extension: [
      ...kinds.map(kind => ({
        url: extensions.requestedData,
        extension: [{ url: 'kind', valueCodeableConcept: conceptOf(kind) }],
      })),
      {
        url: extensions.patientText,
        extension: [
          { url: 'version', valueString: '1' },
          { url: 'text', valueAttachment: { contentType: 'text/plain', data: text } },
        ],
      },
    ],
  },
]

const participant = (patient: string, study: string): readonly Resource[] => [
  { resourceType: 'Patient', id: patient, managingOrganization: { reference: 'Organization/bench-lab' } },
  {
    resourceType: 'ResearchSubject',
    id: `subject-${patient}`,
    status: 'on-study',
    study: { reference: `ResearchStudy/${study}` },
    individual: { reference: `Patient/${patient}` },
  },
  consentOf(patient, study),
]

/** A consent to everything that the study asks for, from any device, since long ago. */
const consentOf = (patient: string, study: string): Resource => ({
  resourceType: 'Consent',
  id: `consent-${patient}`,
  status: 'active',
  scope: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentscope', code: 'research' }] },
  category: [{ coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'RESEARCH' }] }],
  patient: { reference: `Patient/${patient}` },
  dateTime: '2015-01-01T00:00:00Z',
  sourceAttachment: { hash: digestOf('sha1', text) },
  policyRule: { coding: [{ code: 'deny-unless-permitted' }] },
  provision: givenToStudy(study, {
    type: 'deny',
    provision: kinds.map(kind => ({ type: 'permit', code: [conceptOf(kind)], dataPeriod: { start: '2015-01-01' } })),
  }),
})
