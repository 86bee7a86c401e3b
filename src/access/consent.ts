import type { CodeableConcept, Coding, Consent, ConsentProvision, Reference } from '@medplum/fhirtypes'
import { type Interval, intervalOf, intervalOfPeriod } from '../fhir/date.ts'
import type { CodeClasses } from '../fhir/measured/code-class.ts'
import { namedId } from '../fhir/reference.ts'
import { type Deny, isBounded, lessDenied, overlapOf, type Permit } from './consent-permit.ts'
import { isForAnotherStudy, studyNamed } from './consent-study.ts'
import { isOfTime, kindOfClass, typeOfKind } from './shared-type.ts'

/** What a Consent gives, and to whom, as far as it has the shape that this server reads. https://hl7.org/fhir/R4/consent.html */
export type ConsentTerms = {
  readonly grantee: ConsentGrantee
  /** In the order of the provisions, less all that is denied. */
  readonly permits: readonly Permit[]
  /** Whether it takes too much work to find out what it gives; then it gives nothing. */
  readonly isTooMuch: boolean
}

export type ConsentGrantee = { readonly kind: 'study' | 'organization' | 'practitioner'; readonly id: string }

export type ConsentReading = {
  readonly classes: Pick<CodeClasses, 'kindOf' | 'classOf'>
  /** Whether the Device is a source, and not the physical device of one patient. */
  readonly isSource: (deviceId: string) => boolean
}

/**
 * Undefined where we cannot tell to whom it is given: such a Consent grants nothing. Otherwise a permit whose shape we do not know
 * grants nothing, and a deny that we cannot read denies everything.
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
  return { grantee, ...lessDenied(asked, denies) }
}

/** Ids of the Devices that its provisions name, at any depth. */
export const devicesNamed = ({ provision }: Consent): readonly string[] =>
  provision === undefined ? [] : everyProvision([provision]).flatMap(one => devicesOf(one).flatMap(id => id ?? []))

/** To whom it is given; undefined where we cannot tell. */
export const granteeOf = (consent: Consent): ConsentGrantee | undefined => {
  if (hasCode(consent.scope, 'research')) return studyOf(consent)
  return hasCode(consent.scope, 'patient-privacy') ? recipientOf(consent) : undefined
}

const studyOf = (consent: Consent): ConsentGrantee | undefined => {
  const id = studyNamed(consent)
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
  const organization = namedId(reference, 'Organization')
  if (organization !== undefined) return { kind: 'organization', id: organization }
  const practitioner = namedId(reference, 'Practitioner')
  return practitioner === undefined ? undefined : { kind: 'practitioner', id: practitioner }
}

/** Everything is denied but what nested provisions permit; the root itself may only bound their time and name the actor. */
const isRoot = ({ policyRule, modifierExtension, implicitRules }: Consent, root: ConsentProvision): boolean =>
  hasCode(policyRule, 'deny-unless-permitted') &&
  (modifierExtension ?? implicitRules) === undefined &&
  isInBounds(root) &&
  root.type !== 'permit' &&
  hasOnly(root, ['type', 'period', 'dataPeriod', 'actor', 'purpose', 'provision'])

const isInBounds = ({ period, dataPeriod }: ConsentProvision): boolean => isBounded(period) && isBounded(dataPeriod)

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

/** A permit for each kind and source, or for each type; none at all where the provision has anything that we do not read. */
const permitsOf = (provision: ConsentProvision, context: PermitContext): readonly Permit[] => {
  const { consent, root, grantee, reading, expression } = context
  const { element, kinds } = permittedBy(provision, reading)
  const devices = devicesOf(provision)
  const recipients = recipientsOf(provision, root, grantee)
  const measured = dataIntervalOf(provision, consent, root)
  const readable = hasOnly(provision, permitElements) && isInBounds(provision) && isForUs(provision, root, grantee)
  if (!readable || recipients === undefined || measured === undefined) return []
  const valid = overlapOf(intervalOfPeriod(provision.period ?? {}), intervalOfPeriod(root.period ?? {}))
  if (kinds.includes(undefined) || (provision.data !== undefined && devices.includes(undefined))) return []
  const sources = provision.data === undefined ? [undefined] : devices
  return kinds.flatMap((kind, index) => {
    const data = kind === undefined || isOfTime(kind) ? measured : everIn(provision, root)
    return kind === undefined || data === undefined
      ? []
      : sources.map(device => ({
          kind,
          device,
          data,
          valid,
          recipients,
          expression: `${expression}.${element}[${index}]`,
        }))
  })
}

/**
 * Codes name kinds of Observations. Without a code, classes name whole types of other resources: we do not tell their instances or
 * codes apart. A class alone never gives Observations.
 */
const permittedBy = (
  { class: classes, code, data }: ConsentProvision,
  reading: ConsentReading,
): { readonly element: 'class' | 'code'; readonly kinds: readonly (string | undefined)[] } => {
  if (code === undefined) return { element: 'class', kinds: data === undefined ? (classes ?? []).map(kindOfClass) : [] }
  const kinds = code.map(concept => exactKindOf(concept, reading.classes))
  return { element: 'code', kinds: classes === undefined || classes.some(isObservation) ? kinds : [] }
}

const isObservation = ({ code }: Coding): boolean => code === 'Observation'

/** A type without a time is in no period, so it is shared only where no period is named. */
const everIn = ({ dataPeriod }: ConsentProvision, root: ConsentProvision): Interval | undefined =>
  dataPeriod === undefined && root.dataPeriod === undefined ? { low: '-infinity', high: 'infinity' } : undefined

/** Whether it permits reading to its grantee and for their purpose, which is research or treatment. An absent element limits nothing. */
const isForUs = (provision: ConsentProvision, root: ConsentProvision, grantee: ConsentGrantee): boolean => {
  const purpose = provision.purpose ?? root.purpose
  const wanted = grantee.kind === 'study' ? 'HRESCH' : 'TREAT'
  return (
    !(grantee.kind === 'study' && isForAnotherStudy(provision, grantee.id)) &&
    (purpose === undefined || purpose.some(({ code }) => code === wanted)) &&
    (provision.action === undefined || provision.action.some(concept => hasCode(concept, 'access')))
  )
}

/** The organizations that may receive the data, empty for any; undefined where an actor is something else. */
const recipientsOf = (
  provision: ConsentProvision,
  root: ConsentProvision,
  grantee: ConsentGrantee,
): readonly string[] | undefined => {
  const actors = provision.actor ?? root.actor ?? []
  if (actors.some(({ role }) => !hasCode(role, 'IRCP'))) return undefined
  if (grantee.kind !== 'study') return actors.length > 0 ? [] : undefined
  const organizations = actors.map(({ reference }) => namedId(reference, 'Organization'))
  return organizations.includes(undefined) ? undefined : organizations.flatMap(id => id ?? [])
}

/** From the moment of signing, unless another start was chosen. */
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

/** Every deny, at any depth. */
export const deniesIn = (provisions: readonly ConsentProvision[]): readonly ConsentProvision[] =>
  everyProvision(provisions).filter(({ type }) => type !== 'permit')

const everyProvision = (provisions: readonly ConsentProvision[]): readonly ConsentProvision[] =>
  provisions.flatMap(one => [one, ...everyProvision(one.provision ?? [])])

/** Its actor, action and purpose are not read: they could only narrow the deny. */
const denyOf = (provision: ConsentProvision, reading: ConsentReading): Deny => {
  const devices = devicesOf(provision)
  const everyDevice = devices.length === 0 || devices.some(id => id === undefined || !reading.isSource(id))
  return {
    isOf: kindsDenied(provision, reading),
    devices: everyDevice ? undefined : new Set(devices.flatMap(id => id ?? [])),
    data: intervalOfPeriod(provision.dataPeriod ?? {}),
    valid: intervalOfPeriod(provision.period ?? {}),
  }
}

/** We cannot tell the codes of other types than Observation: a deny by code denies them whole, unless its class leaves them out. */
const kindsDenied = ({ class: classes, code }: ConsentProvision, reading: ConsentReading): Deny['isOf'] => {
  const coded = code?.map(concept => [...kindsOf(concept, reading.classes)])
  const kinds = coded === undefined || coded.some(of => of.length === 0) ? undefined : new Set(coded.flat())
  const isReadable = classes?.every(coding => isObservation(coding) || kindOfClass(coding) !== undefined)
  const types =
    classes === undefined || isReadable !== true ? undefined : new Set(classes.flatMap(one => kindOfClass(one) ?? []))
  const isOfObservations = types === undefined || classes?.some(isObservation) === true
  return kind =>
    typeOfKind(kind) === undefined
      ? isOfObservations && (kinds === undefined || kinds.has(kind))
      : types === undefined || types.has(kind)
}

const kindsOf = ({ coding = [] }: CodeableConcept, classes: ConsentReading['classes']): ReadonlySet<string> =>
  new Set(coding.flatMap(({ system, code }) => (code === undefined ? [] : (classes.kindOf(system, code) ?? []))))

/** The one kind that the concept names; undefined where it names several, or its code is narrower than the kind. */
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

/** Ids of the Devices that it names; undefined for a reference to anything else. */
const devicesOf = ({ data = [] }: ConsentProvision): readonly (string | undefined)[] =>
  data.map(({ reference }) => namedId(reference, 'Device'))

const hasCode = (concept: CodeableConcept | undefined, code: string): boolean =>
  concept?.coding?.some(coding => coding.code === code) ?? false

const hasOnly = (provision: ConsentProvision, elements: readonly string[]): boolean =>
  Object.keys(provision).every(key => key === 'id' || key === 'extension' || elements.includes(key))
