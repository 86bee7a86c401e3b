import type { ResourceType } from '@medplum/fhirtypes'
import t from 'tap'
import { byPatients } from '../../../src/faces/r5/by-patients.ts'

const asked = (type: ResourceType, query: string): string =>
  decodeURIComponent(byPatients(type, new URLSearchParams(query)).toString())

const member = '_has:Group:member:_id'

t.test('each type is searched by patients in the way that R4 has for it', async t => {
  const rows = [
    ['Observation', 'patient=Patient/1', 'patient=Patient/1'],
    ['Observation', `${member}=Group/7`, `patient.${member}=7`],
    ['Observation', `patient.${member}=7`, `patient.${member}=7`],
    ['Device', 'patient=1', 'patient=1'],
    ['Patient', 'patient=Patient/1', '_id=1'],
    ['Patient', 'patient.identifier=x|1', 'identifier=x|1'],
    ['Patient', `patient.${member}=Group/7`, `${member}=7`],
    ['Group', 'patient=1', 'member:Patient._id=1'],
    ['Group', 'patient.identifier=x|1', 'member:Patient.identifier=x|1'],
    ['Group', `patient.${member}=Group/7`, '_id=7'],
    ['Group', 'patient.organization=Organization/3', 'managing-entity=Organization/3'],
    ['Organization', 'patient=1', '_has:Patient:organization:_id=1'],
    ['Organization', 'patient.organization=Organization/3', '_id=3'],
    ['Organization', `patient.${member}=7`, '_has:Group:managing-entity:_id=7'],
    ['Practitioner', 'patient.organization=3', '_has:PractitionerRole:practitioner:organization=3'],
  ] as const
  for (const [type, query, expected] of rows) t.equal(asked(type, query), expected, `${type}?${query}`)
})

t.test('several are found as one is, however they are named', async t => {
  t.equal(asked('Patient', 'patient=Patient/1,Patient/2,3'), '_id=1,2,3')
  t.equal(asked('Group', 'patient=1,Patient/2'), 'member:Patient._id=1,2')
})

t.test('what is not about patients stays as it is', async t => {
  for (const query of ['_id=1', 'name=Patient/1', 'patientish=1', 'identifier=Group/1', 'constructor=1', 'toString=1'])
    t.equal(asked('Patient', query), query)
})
