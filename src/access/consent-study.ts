import type { Consent, ConsentProvision, Extension } from '@medplum/fhirtypes'
import { standardExtensions } from '../fhir/canonical.ts'
import { FhirError } from '../fhir/error.ts'
import { extensionsOf } from '../fhir/extension.ts'
import { namedId } from '../fhir/reference.ts'

/**
 * Id of the study that a Consent names, in its provision or beside it (docs/adr/037-study-in-the-provision.md). Undefined if it names none, several in one
 * place, or different ones: the SQL function `consent_study` says the same. https://hl7.org/fhir/extensions/StructureDefinition-consent-ResearchStudyContext.html
 */
export const studyNamed = (consent: Consent): string | undefined => {
  const [within, outside] = [contextsIn(consent.provision), contextsIn(consent)]
  const ids = new Set([...within, ...outside].map(studyOf))
  const [id] = ids
  return within.length <= 1 && outside.length <= 1 && ids.size === 1 ? id : undefined
}

/** All that it names, by which it is found. */
export const studiesNamed = (consent: Consent): readonly string[] =>
  [...contextsIn(consent.provision), ...contextsIn(consent)].flatMap(context => studyOf(context) ?? [])

/** The element in which it is named. */
export const elementOfStudy = ({ provision }: Consent): string =>
  contextsIn(provision).length > 0 ? 'Consent.provision.extension' : 'Consent.extension'

/** Throws if the two places name different studies. What only ends a Consent is never refused. */
export const refuseTwoStudies = (consent: Consent): void => {
  if (consent.status === 'inactive' || consent.status === 'entered-in-error') return
  const [within, outside] = [namesIn(consent.provision), namesIn(consent)]
  if (within.length === 0 || outside.length === 0 || new Set([...within, ...outside]).size === 1) return
  throw new FhirError(
    'business-rule',
    `Consent.provision.extension names ${within.join(' and ')} as its study, and Consent.extension ${outside.join(' and ')}: a Consent is given to one study, which it names in its provision`,
    { expression: 'Consent.provision.extension' },
  )
}

const namesIn = (place: Extended | undefined): readonly string[] => [
  ...new Set(contextsIn(place).map(({ valueReference }) => valueReference?.reference ?? 'nothing')),
]

/** Whether the permit says that it is for another study than this one. */
export const isForAnotherStudy = (permit: ConsentProvision, study: string): boolean =>
  contextsIn(permit).some(context => studyOf(context) !== study)

/** The provision of a Consent to the study. */
export const givenToStudy = (study: string, provision: ConsentProvision): ConsentProvision =>
  withContext(provision, {
    url: standardExtensions.consentResearchStudyContext,
    valueReference: { reference: `ResearchStudy/${study}` },
  })

/** The provision without its study: only what is given. */
export const withoutStudy = (provision: ConsentProvision): ConsentProvision => {
  const { extension = [], ...rest } = provision
  const others = extension.filter(({ url }) => url !== standardExtensions.consentResearchStudyContext)
  return others.length === 0 ? rest : { extension: others, ...rest }
}

/**
 * The next version of a Consent, in whose provision the study stays if it is named nowhere any more: whoever replaces a provision means what is given,
 * and a Consent goes to no other study in any case.
 */
export const stayingWithStudy = (next: Consent, before: Consent): Consent => {
  const { provision } = next
  const [context, ...others] = contextsIn(before.provision)
  const isNamed = contextsIn(provision).length > 0 || contextsIn(next).length > 0
  if (isNamed || provision === undefined || context === undefined || others.length > 0) return next
  return { ...next, provision: withContext(provision, context) }
}

const withContext = (provision: ConsentProvision, context: Extension): ConsentProvision => {
  const { extension = [], ...rest } = withoutStudy(provision)
  return { extension: [context, ...extension], ...rest }
}

type Extended = Parameters<typeof extensionsOf>[0]

const contextsIn = (place: Extended = {}): readonly Extension[] =>
  extensionsOf(place, standardExtensions.consentResearchStudyContext)

const studyOf = ({ valueReference }: Extension): string | undefined => namedId(valueReference, 'ResearchStudy')
