import type { Consent } from '@medplum/fhirtypes'
import type { CodeClasses } from '../../fhir/code-class.ts'
import { FhirError } from '../../fhir/error.ts'
import { isStanding, newConsent, permitFor, permitOf, sourceOf } from '../../studies/own-consent.ts'
import type { StudyAsked } from '../../studies/own-study.ts'
import { type Asking, kindOfCaller } from './asking.ts'
import { toScopeCode } from './codes.ts'
import { isCalled, kindsOf, sharesOf, studiesAsking } from './consents.ts'
import { underscored } from './page.ts'

/**
 * What a patient answers, kind by kind: to what they do not name, nothing changes. Throws `forbidden` for whoever else sends it:
 * only the patient decides.
 */
export const decide = async (
  asking: Asking,
  patient: string,
  { body, classes, ends }: { readonly body: unknown; readonly classes: CodeClasses; readonly ends: boolean },
) => {
  if (kindOfCaller(asking.caller) !== 'patient')
    throw new FhirError('forbidden', 'Only the patient answers what a study asks; practitioners read it here')
  if (asking.caller.patient !== patient) throw new FhirError('not-found', 'No patient matches the given query')
  const answers = parseAnswers(body, classes, ends)
  const asked = await studiesAsking(asking, patient, classes)
  const decided = answers.map(({ study: id, kinds }) => ({ study: findAsking(asked, id), kinds }))
  for (const { study, kinds } of decided) requireAsked(study, [...kinds.keys()])
  for (const { study, kinds } of decided) await answer(asking, study, kinds)
  const now = await studiesAsking(asking, patient, classes)
  return {
    studyScopeConsents: decided.flatMap(one => told(findAsking(now, one.study.study.id ?? ''), one.kinds, classes)),
  }
}

type Kinds = ReadonlyMap<string, boolean>

const parseAnswers = (body: unknown, classes: CodeClasses, ends: boolean) => {
  const studyScopeConsents = memberOf(body, 'studyScopeConsents')
  if (!Array.isArray(studyScopeConsents) || studyScopeConsents.length === 0)
    throw invalid('studyScopeConsents', 'is a list of { studyId, scopeConsents }')
  return studyScopeConsents.map((one, index) => {
    const [studyId, scopeConsents] = [memberOf(one, 'studyId'), memberOf(one, 'scopeConsents')]
    const at = `studyScopeConsents[${index}]`
    if (typeof studyId !== 'string' || !Array.isArray(scopeConsents) || scopeConsents.length === 0)
      throw invalid(at, 'has a studyId, which is a text, and a list scopeConsents')
    return {
      study: studyId,
      kinds: new Map(
        scopeConsents.map((scope, place) => parseScope(scope, `${at}.scopeConsents[${place}]`, { classes, ends })),
      ),
    }
  })
}

const parseScope = (
  scope: unknown,
  at: string,
  { classes, ends }: { readonly classes: CodeClasses; readonly ends: boolean },
): [string, boolean] => {
  const [codingSystem, codingCode] = [memberOf(scope, 'codingSystem'), memberOf(scope, 'codingCode')]
  const consented = memberOf(scope, 'consented') ?? (ends ? false : undefined)
  if (typeof codingSystem !== 'string' || typeof codingCode !== 'string' || typeof consented !== 'boolean')
    throw invalid(at, 'has codingSystem and codingCode, which are texts, and consented, which is true or false')
  const kind = classes.kindOf(codingSystem, codingCode)
  if (kind === undefined)
    throw invalid(at, `names no kind of data that is known: ${codingSystem}|${codingCode}`.slice(0, 300))
  return [kind, ends ? false : consented]
}

const memberOf = (record: unknown, name: string): unknown => Object(record)[name] ?? Object(record)[underscored(name)]

const invalid = (expression: string, rule: string) => new FhirError('invalid', `${expression} ${rule}`, { expression })

const findAsking = (asked: readonly StudyAsked[], id: string): StudyAsked => {
  const found = asked.find(one => isCalled(one, id))
  if (found !== undefined) return found
  throw new FhirError('not-found', 'No study that asks this patient matches the given query')
}

const requireAsked = (study: StudyAsked, kinds: readonly string[]): void => {
  const known = kindsOf(study)
  const other = kinds.find(kind => !known.includes(kind))
  if (other !== undefined)
    throw new FhirError('business-rule', `The study does not ask for ${other}; it asks for ${known.join(', ')}`, {
      expression: 'studyScopeConsents.scopeConsents',
      status: 400,
    })
}

/** The Consent that stands says afterwards what was answered; one that gives nothing any more has ended, or was refused. */
const answer = async (asking: Asking, asked: StudyAsked, kinds: Kinds): Promise<void> => {
  const shares = new Map(kindsOf(asked).map(kind => [kind, kinds.get(kind) ?? sharesOf(asked, kind)]))
  const isSame = asked.consent?.status === 'active' && [...shares].every(([kind, is]) => is === sharesOf(asked, kind))
  if (isSame) return
  const next = nextConsent(asked, shares)
  if (next !== undefined)
    await asking.write(next, isStanding(asked.consent) ? asked.consent.meta?.versionId : undefined)
}

/** Undefined where there is nothing to say: it was refused, or ended, before. */
const nextConsent = (asked: StudyAsked, shares: Kinds): Consent | undefined => {
  const { consent: before } = asked
  const now = new Date().toISOString()
  const standing = isStanding(before) && before.id !== undefined ? { id: before.id } : {}
  if (![...shares.values()].includes(true)) {
    if (before?.status === 'active') return { ...before, status: 'inactive' }
    if (before !== undefined && !isStanding(before)) return undefined
    return { ...newConsent(asked, now), ...standing, status: 'rejected', provision: { type: 'deny' } }
  }
  if (asked.text === undefined)
    throw new FhirError('business-rule', 'The study has no patient text yet, so there is nothing to agree to', {
      status: 409,
    })
  const given = asked.lines.filter(line => shares.get(line.kind) === true)
  return {
    ...newConsent(asked, now),
    ...standing,
    status: 'active',
    sourceAttachment: { ...sourceOf(asked), hash: asked.text.hash },
    provision: { type: 'deny', provision: given.map(line => permitAgain(asked, line, now)) },
  }
}

/** What is given already stays as it was given: from the same day on. */
const permitAgain = (asked: StudyAsked, line: StudyAsked['lines'][number], now: string) =>
  permitFor(asked.consent, line) ?? permitOf(asked, { line, shares: true, from: '', until: '' }, now)

const told = (study: StudyAsked, kinds: Kinds, classes: CodeClasses) =>
  [...kinds.keys()].map(kind => ({
    id: `${study.consent?.id ?? study.study.id}/${kind}`,
    studyPatient: study.record.patient,
    scopeCode: toScopeCode(kind, classes),
    consented: sharesOf(study, kind),
    consentedTime: study.consent?.meta?.lastUpdated ?? null,
  }))
