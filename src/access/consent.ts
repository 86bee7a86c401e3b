import type { CodeableConcept, Consent, ConsentProvision, Reference } from '@medplum/fhirtypes'
import { standardExtensions } from '../fhir/canonical.ts'
import type { CodeClasses } from '../fhir/code-class.ts'
import { type Interval, intervalOf, intervalOfPeriod } from '../fhir/date.ts'
import { type Deny, overlapOf, type Permit, subtract } from './consent-permit.ts'

/** What a Consent of the shape that we read gives, and to whom. https://hl7.org/fhir/R4/consent.html */
export type ConsentTerms = {
  readonly grantee: ConsentGrantee
  /** In the order of the provisions, less all that is denied. */
  readonly permits: readonly Permit[]
}

export type ConsentGrantee = { readonly kind: 'study' | 'organization' | 'practitioner'; readonly id: string }

export type ConsentReading = {
  readonly classes: Pick<CodeClasses, 'kindOf' | 'classOf'>
  /** Whether the Device is a source, and not the physical device of one patient. */
  readonly isSource: (deviceId: string) => boolean
}

/**
 * Undefined where we cannot tell to whom it is given: such a Consent grants nothing. Of one that we can, a permit in
 * another shape than ours grants nothing, and a deny that we cannot read denies all.
 */
export const readConsent = (consent: Consent, reading: ConsentReading): ConsentTerms | undefined => {
  const grantee = granteeOf(consent)
  const root = consent.provision
  if (grantee === undefined || root === undefined || !isRoot(consent, root)) return undefined
  const asked = (root.provision ?? []).flatMap((provision, index) =>
    provision.type === 'permit'
      ? permitsOf(provision, { consent, root, grantee, reading, expression: `Consent.provision.provision[${index}]` })
      : [],
  )
  const denies = deniesIn(root.provision ?? []).map(deny => denyOf(deny, reading))
  return { grantee, permits: denies.reduce<readonly Permit[]>(subtract, asked) }
}

/** Ids of the Devices that its provisions name, at any depth. */
export const devicesNamed = ({ provision }: Consent): readonly string[] =>
  provision === undefined ? [] : everyProvision([provision]).flatMap(one => devicesOf(one).flatMap(id => id ?? []))

const granteeOf = (consent: Consent): ConsentGrantee | undefined => {
  if (hasCode(consent.scope, 'research')) return studyOf(consent)
  return hasCode(consent.scope, 'patient-privacy') ? recipientOf(consent) : undefined
}

const studyOf = ({ extension = [] }: Consent): ConsentGrantee | undefined => {
  const contexts = extension.filter(({ url }) => url === standardExtensions.consentResearchStudyContext)
  const id = contexts.length === 1 ? idOf(contexts[0]?.valueReference, 'ResearchStudy') : undefined
  return id === undefined ? undefined : { kind: 'study', id }
}

/** Without a study, the one recipient that all provisions name. */
const recipientOf = ({ provision }: Consent): ConsentGrantee | undefined => {
  if (provision === undefined) return undefined
  const recipients = everyProvision([provision]).flatMap(({ actor = [] }) =>
    actor.map(({ reference }) => toGrantee(reference)),
  )
  const [first] = recipients
  return first !== undefined && recipients.every(one => one?.kind === first.kind && one.id === first.id)
    ? first
    : undefined
}

const toGrantee = (reference: Reference | undefined): ConsentGrantee | undefined => {
  const organization = idOf(reference, 'Organization')
  if (organization !== undefined) return { kind: 'organization', id: organization }
  const practitioner = idOf(reference, 'Practitioner')
  return practitioner === undefined ? undefined : { kind: 'practitioner', id: practitioner }
}

/** Everything is denied but what nested provisions permit; the root itself may only bound their time and name the actor. */
const isRoot = ({ policyRule, modifierExtension }: Consent, root: ConsentProvision): boolean =>
  hasCode(policyRule, 'deny-unless-permitted') &&
  modifierExtension === undefined &&
  root.type !== 'permit' &&
  hasOnly(root, ['type', 'period', 'dataPeriod', 'actor', 'purpose', 'provision'])

type PermitContext = {
  readonly consent: Consent
  readonly root: ConsentProvision
  readonly grantee: ConsentGrantee
  readonly reading: ConsentReading
  readonly expression: string
}

const permitElements = [
  'type',
  'period',
  'dataPeriod',
  'actor',
  'action',
  'purpose',
  'class',
  'code',
  'data',
  'provision',
]

/** A permit for each kind × source; none at all where anything in it is not ours to read. */
const permitsOf = (provision: ConsentProvision, context: PermitContext): readonly Permit[] => {
  const { consent, root, grantee, reading, expression } = context
  const kinds = (provision.code ?? []).map(concept => exactKindOf(concept, reading.classes))
  const devices = devicesOf(provision)
  const recipients = recipientsOf(provision, root, grantee)
  const data = dataIntervalOf(provision, consent, root)
  const readable = hasOnly(provision, permitElements) && isForUs(provision, root, grantee)
  if (!readable || recipients === undefined || data === undefined) return []
  const valid = overlapOf(intervalOfPeriod(provision.period ?? {}), intervalOfPeriod(root.period ?? {}))
  if (kinds.includes(undefined) || (provision.data !== undefined && devices.includes(undefined))) return []
  const sources = provision.data === undefined ? [undefined] : devices
  return kinds.flatMap((kind, index) =>
    kind === undefined
      ? []
      : sources.map(device => ({ kind, device, data, valid, recipients, expression: `${expression}.code[${index}]` })),
  )
}

/** Reading Observations, for the purpose of its grantee: research, or treatment. An element that is absent limits nothing. */
const isForUs = (provision: ConsentProvision, root: ConsentProvision, grantee: ConsentGrantee): boolean => {
  const purpose = provision.purpose ?? root.purpose
  const wanted = grantee.kind === 'study' ? 'HRESCH' : 'TREAT'
  return (
    (purpose === undefined || purpose.some(({ code }) => code === wanted)) &&
    (provision.action === undefined || provision.action.some(concept => hasCode(concept, 'access'))) &&
    (provision.class === undefined || provision.class.some(({ code }) => code === 'Observation'))
  )
}

/** Organizations that may receive, empty for any; undefined where an actor is something else. */
const recipientsOf = (
  provision: ConsentProvision,
  root: ConsentProvision,
  grantee: ConsentGrantee,
): readonly string[] | undefined => {
  const actors = provision.actor ?? root.actor ?? []
  if (actors.some(({ role }) => !hasCode(role, 'IRCP'))) return undefined
  if (grantee.kind !== 'study') return actors.length > 0 ? [] : undefined
  const organizations = actors.map(({ reference }) => idOf(reference, 'Organization'))
  return organizations.includes(undefined) ? undefined : organizations.flatMap(id => id ?? [])
}

/** From the moment of signing, unless an earlier or later start was chosen. */
const dataIntervalOf = (
  { dataPeriod }: ConsentProvision,
  { dateTime }: Consent,
  root: ConsentProvision,
): Interval | undefined => {
  const signed = dateTime === undefined ? undefined : intervalOf(dateTime)?.low
  const chosen = dataPeriod?.start ?? root.dataPeriod?.start
  const low = chosen === undefined ? signed : intervalOf(chosen)?.low
  if (low === undefined) return undefined
  const bounds = overlapOf(intervalOfPeriod(dataPeriod ?? {}), intervalOfPeriod(root.dataPeriod ?? {}))
  return overlapOf(bounds, { low, high: 'infinity' })
}

const deniesIn = (provisions: readonly ConsentProvision[]): readonly ConsentProvision[] =>
  everyProvision(provisions).filter(({ type }) => type !== 'permit')

const everyProvision = (provisions: readonly ConsentProvision[]): readonly ConsentProvision[] =>
  provisions.flatMap(one => [one, ...everyProvision(one.provision ?? [])])

/** Whoever and whatever for it is: what would only narrow the deny further is not read. */
const denyOf = (provision: ConsentProvision, { classes, isSource }: ConsentReading): Deny => {
  const kinds = provision.code?.map(concept => [...kindsOf(concept, classes)])
  const devices = devicesOf(provision)
  const everyKind = kinds === undefined || kinds.some(of => of.length === 0)
  const everyDevice = devices.length === 0 || devices.some(id => id === undefined || !isSource(id))
  return {
    kinds: everyKind ? undefined : new Set(kinds.flat()),
    devices: everyDevice ? undefined : new Set(devices.flatMap(id => id ?? [])),
    data: intervalOfPeriod(provision.dataPeriod ?? {}),
    valid: intervalOfPeriod(provision.period ?? {}),
  }
}

const kindsOf = ({ coding = [] }: CodeableConcept, classes: ConsentReading['classes']): ReadonlySet<string> =>
  new Set(coding.flatMap(({ system, code }) => (code === undefined ? [] : (classes.kindOf(system, code) ?? []))))

/** The one kind that the concept is; a code that is narrower than a kind is not it. */
export const exactKindOf = (concept: CodeableConcept, classes: ConsentReading['classes']): string | undefined => {
  const kinds = [...kindsOf(concept, classes)]
  const narrower = (concept.coding ?? []).some(
    ({ system, code }) =>
      code !== undefined &&
      kinds.includes(classes.kindOf(system, code) ?? '') &&
      !kinds.includes(classes.classOf(system, code)),
  )
  return kinds.length === 1 && !narrower ? kinds[0] : undefined
}

/** Undefined stands for what is no Device of ours. */
const devicesOf = ({ data = [] }: ConsentProvision): readonly (string | undefined)[] =>
  data.map(({ reference }) => idOf(reference, 'Device'))

const idOf = (reference: Reference | undefined, type: string): string | undefined =>
  new RegExp(`^${type}/([A-Za-z0-9.-]{1,64})$`).exec(reference?.reference ?? '')?.[1]

const hasCode = (concept: CodeableConcept | undefined, code: string): boolean =>
  concept?.coding?.some(coding => coding.code === code) ?? false

const hasOnly = (provision: ConsentProvision, elements: readonly string[]): boolean =>
  Object.keys(provision).every(key => key === 'id' || key === 'extension' || elements.includes(key))
