import type { Observation, SampledData } from '@medplum/fhirtypes'
import { sharedWithStudy } from '../access/questions.ts'
import { canonicalBase, systems } from '../fhir/canonical.ts'
import { parseReference } from '../fhir/reference.ts'
import { addDays, daysBetween } from '../fhir/timezone.ts'
import type { Context } from '../interactions/interaction.ts'
import { all } from '../search/expression.ts'
import { refusal } from '../search/refusal.ts'
import type { CompletenessAsked, CompletenessRow } from '../storage/figures/completeness.ts'
import { daysAskedIn } from './days-asked.ts'
import type { Operation } from './operation.ts'
import type { ParameterTypes } from './parameter-type.ts'
import { atMost, only, parametersResponse, patientOf, primitivesOf, requireKnown } from './parameters.ts'
import { emptyReadings } from './readings-asked.ts'

/** Ours: `fhir-profiles/OperationDefinition-Observation-completeness.json`. */
export const completeness: Operation = {
  name: 'completeness',
  definition: `${canonicalBase}/OperationDefinition/Observation-completeness`,
  at: { type: 's' },
  types: ['Observation'],
  methods: ['GET', 'POST'],
  takes: () => ({ primitives: parameters }),
  documentation:
    'How many readings of up to 50 Patients began on each day of a period. Each sample of SampledData counts, but a waveform counts as one. If a study is named, only readings that are shared with it count. For each Patient with a reading there is an Observation, whose component has the count of each day as SampledData, with E for a day without one.',
  handler: async (request, { store, caller, registry, base }) => {
    const asked = parseCompleteness(primitivesOf(request, parameters), { caller, base })
    const rows = await store.completeness({ ...asked, mistaken: emptyReadings(registry) })
    return parametersResponse(
      [...Map.groupBy(rows, ({ patient }) => patient)].map(([patient, days]) => ({
        name: 'completeness',
        resource: toObservation(patient, days, asked),
      })),
    )
  },
}

const parameters: ParameterTypes = {
  subject: 'text',
  start: 'date',
  end: 'date',
  timezone: 'text',
  study: 'text',
  most: 'integer',
}

type Asked = Omit<CompletenessAsked, 'mistaken'>

const parseCompleteness = (given: URLSearchParams, { caller, base }: Pick<Context, 'caller' | 'base'>): Asked => {
  requireKnown('completeness', given, Object.keys(parameters))
  const patients = given
    .getAll('subject')
    .flatMap(text => text.split(','))
    .map(one => patientOf(one, base))
  if (patients.length === 0) throw refusal('subject', 'subject is a Patient, as in Patient/123; at least one is needed')
  if (patients.length > mostPatients)
    throw refusal('subject', `At most ${mostPatients} Patients, not ${patients.length}: ask for the others after them`)
  const { first, last, timezone } = daysAskedIn(given)
  const study = studyOf(only(given, 'study'), base)
  const where = study === undefined ? all : sharedWithStudy(caller, study)
  return { where, patients, first, last, timezone, most: atMost(given, 'most', mostCounted) }
}

const mostPatients = 50
const mostCounted = 1000

const studyOf = (text: string | undefined, base: string): string | undefined => {
  if (text === undefined) return undefined
  const parsed = parseReference(text.includes('/') ? text : `ResearchStudy/${text}`, base)
  if (parsed !== undefined && 'type' in parsed && parsed.type === 'ResearchStudy') return parsed.id
  throw refusal('study', 'study is one ResearchStudy, as in ResearchStudy/123')
}

/** https://hl7.org/fhir/R4/datatypes.html#SampledData; the n-th value is that of the n-th day, however long that was. */
const toObservation = (patient: string, rows: readonly CompletenessRow[], { first, last }: Asked): Observation => {
  const counts = new Map(rows.map(({ day, count }) => [day, count]))
  const days = Array.from({ length: daysBetween(first, last) + 1 }, (_, index) => addDays(first, index))
  const valueSampledData: SampledData = {
    origin: { value: 0, unit: '1', system: systems.ucum, code: '1' },
    period: 86_400_000,
    dimensions: 1,
    data: days.map(day => counts.get(day) ?? 'E').join(' '),
  }
  const code = { coding: [{ system: systems.observationStatistics, code: 'count' }] }
  return {
    resourceType: 'Observation',
    status: 'final',
    code,
    subject: { reference: `Patient/${patient}` },
    effectivePeriod: { start: first, end: last },
    component: [{ code, valueSampledData }],
  }
}
