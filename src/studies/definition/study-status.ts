import type { ResearchStudy } from '@medplum/fhirtypes'
import { intervalOfPeriod } from '../../fhir/date.ts'
import { FhirError } from '../../fhir/error.ts'
import { takesNewPatients } from '../../storage/model/consent/accrual.ts'
import { isInForce } from '../../storage/model/study.ts'
import { allowsPaper } from './paper-allowed.ts'
import { dayInWords, firstDayOf, lastDayOf } from './period-day.ts'
import { missingInPublished } from './study-text.ts'

type Status = NonNullable<ResearchStudy['status']>

/** Those of https://hl7.org/fhir/R4/valueset-research-study-status.html that staff can choose, and what they mean here. */
export const studyStatuses: Readonly<Partial<Record<Status, { readonly name: string; readonly means: string }>>> = {
  'in-review': { name: 'Being prepared', means: 'nobody reads anything for it yet' },
  active: { name: 'Active', means: 'patients are invited, and its staff read what they share' },
  'temporarily-closed-to-accrual': { name: 'Paused', means: 'nobody new comes in for now; reading goes on' },
  'closed-to-accrual': { name: 'Closed to new patients', means: 'nobody new comes in; reading goes on' },
  completed: {
    name: 'Completed',
    means:
      'it is over: from that moment on nobody reads anything for it, and whoever shares with it is told ten minutes later',
  },
  withdrawn: {
    name: 'Withdrawn',
    means:
      'it was given up: from that moment on nobody reads anything for it, and whoever shares with it is told ten minutes later',
  },
}

/** The status of a study. If nobody reads anything for it despite that, because of its period, it says so. */
export const statusText = (study: ResearchStudy): string => {
  const name = statusName(study)
  if (isClosedByStatus(study) || isInForce(study)) return name
  return `${name}, but ${edgeOf(study)}: ${isPast(study) ? '' : 'until then '}nobody reads anything for it`
}

/** Tells staff why nobody reads anything for the study now, as the end of a sentence; undefined if what people share with it is read. */
export const reasonNotRead = (study: ResearchStudy): string | undefined => {
  if (isInForce(study)) return undefined
  return isClosedByStatus(study) ? `its status is “${statusName(study)}”` : edgeOf(study)
}

/**
 * Tells staff why nobody is enrolled into the study now, as the end of a sentence; undefined if people can be, also before it begins. Whoever has
 * signed on paper before a study was closed to new patients can still be enrolled, so that the paper can be recorded.
 */
export const reasonNotToEnrol = (study: ResearchStudy): string | undefined => {
  const { status } = study
  if (isPast(study)) return edgeOf(study)
  if (isToBegin.has(status) || (isInForce({ resourceType: 'ResearchStudy', status }) && !isClosedForGood(study)))
    return undefined
  return `its status is “${statusName(study)}”`
}

/** Throws FhirError if nobody is enrolled into the study now, as it may be by the time that was asked for is done. */
export const refuseToEnrol = (study: ResearchStudy): void => {
  const why = reasonNotToEnrol(study)
  if (why !== undefined) throw new FhirError('business-rule', `Nobody can be enrolled in the study now: ${why}`)
}

const isToBegin: ReadonlySet<Status | undefined> = new Set<Status | undefined>(['in-review', 'approved'])

const isClosedForGood = (study: ResearchStudy): boolean =>
  (study.status ?? '').startsWith('closed-to-accrual') && !allowsPaper(study)

const isClosedByStatus = ({ status }: ResearchStudy): boolean => !isInForce({ resourceType: 'ResearchStudy', status })

const isPast = ({ period = {} }: ResearchStudy): boolean => {
  const { high } = intervalOfPeriod(period)
  return high !== 'infinity' && high <= new Date().toISOString()
}

const edgeOf = (study: ResearchStudy): string => {
  const { period = {} } = study
  return isPast(study)
    ? `its last day was ${dayInWords(lastDayOf(period))} (UTC)`
    : `its first day is ${dayInWords(firstDayOf(period))} (UTC)`
}

/** The name of its status, for staff. */
export const statusName = ({ status }: ResearchStudy): string => studyStatuses[status ?? 'active']?.name ?? status ?? ''

/** Tells staff why nobody can be asked into the study now; undefined if people can be asked. What is shared goes on in any case. */
export const reasonNotToAsk = (study: ResearchStudy): string | undefined => {
  if (takesNewPatients(study)) return unfinished(study)
  return study.status === 'active'
    ? `Nobody new comes into the study ${dayOutside(study)} (UTC)`
    : `Nobody new comes into the study while its status is “${statusName(study)}”`
}

const dayOutside = (study: ResearchStudy): string => {
  const { period = {} } = study
  return isPast(study)
    ? `after its last day, ${dayInWords(lastDayOf(period))}`
    : `before its first day, ${dayInWords(firstDayOf(period))}`
}

const unfinished = (study: ResearchStudy): string | undefined => {
  const missing = missingInPublished(study)
  return missing.length === 0
    ? undefined
    : `The text that patients sign lacks a part (${missing.join('; ')}): nobody is asked to sign it until a version with all parts is published`
}
