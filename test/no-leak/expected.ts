import {
  type Consent,
  consents,
  enrolments,
  isOneHuman,
  type Measured,
  memberships,
  observations,
  organizations,
  type Permit,
  type Study,
  studies,
} from './facts.ts'

/** Who somebody is, whatever their token allows. */
export type Reader =
  | { readonly kind: 'patient'; readonly id: string }
  | { readonly kind: 'practitioner'; readonly id: string; readonly study?: string }
  | { readonly kind: 'client'; readonly organization?: string; readonly study?: string }
  | { readonly kind: 'everything' }
  | { readonly kind: 'none' }

/** MODEL "Who reads": the Observation is the reader's own, or a consent that reaches them covers it. */
export const reads = (reader: Reader, observation: Measured): boolean => {
  if (reader.kind === 'everything') return true
  if (reader.kind === 'none') return false
  if (reader.kind === 'patient') return isOneHuman(reader.id, observation.patient)
  const given = consents.filter(consent => isOneHuman(consent.patient, observation.patient) && reaches(consent, reader))
  return isCovered(observation, given)
}

const isCovered = (observation: Measured, given: readonly Consent[]): boolean =>
  observation.kinds.length > 0 &&
  observation.kinds.every(kind => given.some(consent => permits(consent, kind, observation))) &&
  (observation.derivedFrom ?? []).every(id => {
    const source = observations.find(one => one.id === id && isOneHuman(one.patient, observation.patient))
    return source !== undefined && isCovered(source, given)
  })

const permits = (consent: Consent, kind: string, observation: Measured): boolean =>
  consent.status === 'active' &&
  !(consent.withdrawn && observation.late) &&
  consent.denies !== kind &&
  consent.permits.some(permit => permit.kind === kind && !permit.over && holds(permit, observation))

const holds = (
  { source, from = '2026-01-01', to = '9999' }: Permit,
  { days, endsAfterMs = 0, source: own }: Measured,
): boolean =>
  (source === undefined || source === own) &&
  days !== undefined &&
  from <= days[0] &&
  (endsAfterMs > 0 ? days[1] < to : days[1] <= to)

type Recipient = Extract<Reader, { kind: 'practitioner' | 'client' }>

const reaches = ({ to, patient, text }: Consent, reader: Recipient): boolean => {
  const [type, id] = to.split('/')
  if (type !== 'ResearchStudy')
    return (
      reader.kind === 'practitioner' &&
      reader.study === undefined &&
      (type === 'Practitioner' ? reader.id === id : isMember(reader.id, one => one === id))
    )
  const study = studies.find(one => one.id === id)
  return (
    study !== undefined &&
    !study.over &&
    enrolments.some(one => one.study === id && isOneHuman(one.patient, patient) && !one.ended) &&
    (reader.study === undefined || reader.study === id) &&
    works(reader, study) &&
    isNamed(reader, study, text)
  )
}

/** If the signed text names its recipients, nobody else from elsewhere is one. */
const isNamed = (reader: Recipient, { texts, organization }: Study, text: number | undefined): boolean =>
  texts === undefined ||
  reader.kind === 'client' ||
  isMember(reader.id, one => isWithin(one, organization)) ||
  texts[text ?? 0]?.includes(reader.id) === true

const works = (reader: Recipient, study: Study): boolean =>
  reader.kind === 'client'
    ? reader.organization === study.organization
    : study.staff.some(({ practitioner, ended }) => practitioner === reader.id && !ended) ||
      (study.access === 'organization' && isMember(reader.id, one => isWithin(one, study.organization)))

const isMember = (practitioner: string, fits: (organization: string) => boolean): boolean =>
  memberships.some(one => one.practitioner === practitioner && !one.ended && fits(one.organization))

/** The organization, or one below it. */
const isWithin = (organization: string, above: string): boolean => {
  if (organization === above) return true
  const parent = organizations.find(([id]) => id === organization)?.[1]
  return parent !== undefined && isWithin(parent, above)
}
