import type { Observation, Patient } from '@medplum/fhirtypes'
import { systems } from '../../fhir/canonical.ts'
import { inSteps } from '../../fhir/give-way.ts'
import { parseJson } from '../../fhir/json.ts'
import type { CodeClasses } from '../../fhir/measured/code-class.ts'
import { namedId } from '../../fhir/reference.ts'
import type { OmhDocument } from '../../mhealth/document.ts'
import { textOf } from '../../mhealth/document-text.ts'
import type { Mhealth } from '../../mhealth/mhealth.ts'
import { displayOf } from '../../studies/definition/study-request.ts'
import type { Asking } from './asking.ts'

type Parts = { readonly codeClasses: CodeClasses; readonly mhealth: Pick<Mhealth, 'documentOf' | 'measuredDocumentOf'> }

/** The Observations, with the names of those patients whom the caller may read. */
export const presentObservations = async (asking: Asking, observations: readonly Observation[], parts: Parts) => {
  const ids = [...new Set(observations.flatMap(one => subjectOf(one) ?? []))]
  const found = ids.length === 0 ? [] : await asking.listAllowed<Patient>('Patient', { _id: ids.join(',') })
  const patients = new Map(found.map(patient => [patient.id, patient]))
  const presented = []
  for (const one of observations) presented.push(await toObservation(one, patients.get(subjectOf(one) ?? ''), parts))
  return presented
}

const toObservation = async (
  observation: Observation,
  patient: Patient | undefined,
  { codeClasses, mhealth }: Parts,
) => {
  const subject = subjectOf(observation) ?? null
  const document = await inSteps(mhealth.documentOf(observation))
  const measured = await inSteps(mhealth.measuredDocumentOf(observation))
  const [first] = observation.code.coding ?? []
  const coded = document === undefined ? first : codingOf(document.id)
  const kind = coded?.code === undefined ? undefined : codeClasses.classOf(coded.system, coded.code)
  return {
    id: observation.id,
    subjectPatientId: subject,
    patientNameFamily: patient?.name?.[0]?.family ?? null,
    patientNameGiven: patient?.name?.[0]?.given?.filter(Boolean).join(' ') ?? null,
    jheUserId: subject,
    codeableConceptId: kind ?? null,
    codingSystem: coded?.system ?? null,
    codingCode: coded?.code ?? null,
    codingText: observation.code.text ?? first?.display ?? (kind === undefined ? null : displayOf(kind, codeClasses)),
    lastUpdated: observation.meta?.lastUpdated,
    // With its numbers as they were sent. Null for one that was sent as a FHIR Observation, or was a mistake.
    omhData: measured === undefined ? null : parseJson(textOf(measured.bytes)),
  }
}

const codingOf = ({ namespace, name, version }: OmhDocument['id']) => ({
  system: namespace === 'ieee' ? systems.ieee : systems.omh,
  code: `${namespace}:${name}:${version}`,
})

const subjectOf = ({ subject }: Observation): string | undefined => namedId(subject, 'Patient')
