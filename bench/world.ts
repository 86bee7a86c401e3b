import type { Resource } from '@medplum/fhirtypes'
import { organizationRole } from '../src/access/vocabulary.ts'
import { extensions, standardExtensions, systems } from '../src/fhir/canonical.ts'
import { measures } from './documents.ts'

export const study = 'bench-study'
export const practitioner = 'bench-researcher'
export const person = 'bench-person'

/** A lab, its study of `patients` people who consented to all of the bench's measures, and one researcher. In writing order. */
export const worldOf = (patients: readonly string[]): readonly Resource[] => [
  { resourceType: 'Organization', id: lab, name: 'Bench lab' },
  { resourceType: 'Practitioner', id: practitioner, name: [{ family: 'Bench' }] },
  {
    resourceType: 'PractitionerRole',
    id: 'bench-role',
    practitioner: { reference: `Practitioner/${practitioner}` },
    organization: { reference: `Organization/${lab}` },
    code: [{ coding: [{ system: organizationRole, code: 'member' }] }],
  },
  {
    resourceType: 'Person',
    id: person,
    link: [{ target: { reference: `Practitioner/${practitioner}` } }],
  },
  { resourceType: 'Device', id: 'bench-sensor', manufacturer: 'Acme', modelNumber: 'One' },
  {
    resourceType: 'Group',
    id: 'bench-group',
    type: 'person',
    actual: true,
    managingEntity: { reference: `Organization/${lab}` },
  },
  {
    resourceType: 'ResearchStudy',
    id: study,
    status: 'active',
    sponsor: { reference: `Organization/${lab}` },
    enrollment: [{ reference: 'Group/bench-group' }],
    extension: kinds.map(kind => ({
      url: extensions.requestedData,
      extension: [{ url: 'kind', valueCodeableConcept: conceptOf(kind) }],
    })),
  },
  ...patients.flatMap(participant),
]

const lab = 'bench-lab'
const kinds = Object.values(measures).map(({ kind }) => kind)
const conceptOf = (code: string) => ({ coding: [{ system: systems.omh, code }] })

const participant = (id: string): readonly Resource[] => [
  { resourceType: 'Patient', id, managingOrganization: { reference: `Organization/${lab}` } },
  {
    resourceType: 'ResearchSubject',
    id: `subject-${id}`,
    status: 'on-study',
    study: { reference: `ResearchStudy/${study}` },
    individual: { reference: `Patient/${id}` },
  },
  {
    resourceType: 'Consent',
    id: `consent-${id}`,
    status: 'active',
    scope: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentscope', code: 'research' }] },
    category: [{ coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'RESEARCH' }] }],
    patient: { reference: `Patient/${id}` },
    dateTime: '2015-01-01T00:00:00Z',
    policyRule: { coding: [{ code: 'deny-unless-permitted' }] },
    extension: [
      { url: standardExtensions.consentResearchStudyContext, valueReference: { reference: `ResearchStudy/${study}` } },
    ],
    provision: {
      type: 'deny',
      provision: kinds.map(kind => ({
        type: 'permit',
        code: [conceptOf(kind)],
        dataPeriod: { start: '2015-01-01' },
      })),
    },
  },
]
