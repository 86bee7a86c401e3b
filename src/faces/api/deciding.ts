import type { Consent } from '@medplum/fhirtypes'
import { exactKindOf, readConsent } from '../../access/consent.ts'
import { givenToStudy } from '../../access/consent-study.ts'
import { kindOfClass } from '../../access/shared-type.ts'
import { reasonAgainstText } from '../../access/text-parts.ts'
import { beginning } from '../../fhir/beginning.ts'
import { FhirError } from '../../fhir/error.ts'
import type { CodeClasses } from '../../fhir/measured/code-class.ts'
import { isRefusal, isStanding, newConsent, permitOf, sourceOf } from '../../studies/consent/own-consent.ts'
import type { StudyAsked } from '../../studies/consent/own-study.ts'
import { textVersions } from '../../studies/consent/patient-text.ts'
import { without } from '../../studies/consent/stop-sharing.ts'
import { untilWritten } from '../../studies/consent/until-written.ts'
import { type Asking, type Change, kindOfCaller } from './asking.ts'
import { toScopeCode } from './codes.ts'
import { kindsOf, kindsShared, studiesAsking } from './consents.ts'
import { underscored } from './page.ts'
import { sinceBefore } from './since-before.ts'
import { oneCalled } from './studies.ts'

/**
 * A patient's answers, kind by kind; if one is refused, none is kept. For kinds that they do not name, nothing changes. Throws `forbidden` for
 * anybody else: only the patient decides.
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
  const decideOnce = () => keepAnswers(asking, patient, answers, classes)
  // What only ends was to end, whatever else they answer at that moment.
  const isEnding = answers.every(({ kinds }) => kinds.every(([, wanted]) => !wanted))
  const decided = isEnding ? await untilWritten(decideOnce) : await decideOnce()
  const now = await studiesAsking(asking, patient, classes)
  return {
    studyScopeConsents: decided.flatMap(one => told(findAsking(now, one.study.study.id ?? ''), one.kinds, classes)),
  }
}

const keepAnswers = async (
  asking: Asking,
  patient: string,
  answers: readonly Answers[],
  classes: CodeClasses,
): Promise<readonly Decided[]> => {
  const asked = await studiesAsking(asking, patient, classes)
  const decided = joined(answers.map(({ study: id, kinds }) => ({ study: findAsking(asked, id), kinds })))
  for (const { study, kinds } of decided) requireAsked(study, [...kinds.keys()], classes)
  await keep(
    asking,
    decided.flatMap(({ study, kinds }) => answer(study, { kinds, classes }) ?? []),
  )
  return decided
}

/** To an app that came by an invitation alone, a study that was answered before looks as if it were waiting for an answer. */
const keep = async ({ caller, write }: Asking, changes: readonly Change[]): Promise<void> => {
  try {
    await write(changes)
  } catch (error) {
    const isAnswered = error instanceof FhirError && error.issues[0].code === 'duplicate'
    throw isAnswered && caller.unproven !== undefined
      ? new FhirError('duplicate', answeredBefore, { cause: error })
      : error
  }
}

const answeredBefore =
  'This was answered before the app took up the invitation. The app sees the answer, and can change it, once the patient says on their own page that the app is theirs'

type Kinds = ReadonlyMap<string, boolean>

/** To one study, as they stand in the request. */
type Answers = { readonly study: string; readonly kinds: readonly (readonly [string, boolean])[] }

const parseAnswers = (body: unknown, classes: CodeClasses, ends: boolean): readonly Answers[] => {
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
      kinds: scopeConsents.map((scope, place) => parseScope(scope, `${at}.scopeConsents[${place}]`, { classes, ends })),
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
  const coding = { system: codingSystem, code: codingCode }
  const kind = kindOfClass(coding) ?? exactKindOf({ coding: [coding] }, classes)
  if (kind === undefined)
    throw invalid(at, beginning(`names no kind of data that people consent to: ${codingSystem}|${codingCode}`, 300))
  return [kind, ends ? false : consented]
}

type Decided = { readonly study: StudyAsked; readonly kinds: Kinds }

/** One answer for each study, wherever its parts stand. A kind that is answered with both yes and no is not answered. */
const joined = (
  answers: readonly { readonly study: StudyAsked; readonly kinds: readonly (readonly [string, boolean])[] }[],
): readonly Decided[] =>
  [...Map.groupBy(answers, ({ study }) => study)].map(([study, parts]) => {
    const said = parts.flatMap(({ kinds }) => kinds)
    const kinds = new Map(said)
    const unclear = said.find(([kind, is]) => kinds.get(kind) !== is)
    if (unclear !== undefined) throw invalid('studyScopeConsents', `answers ${unclear[0]} with both true and false`)
    return { study, kinds }
  })

const memberOf = (record: unknown, name: string): unknown => Object(record)[name] ?? Object(record)[underscored(name)]

const invalid = (expression: string, rule: string) => new FhirError('invalid', `${expression} ${rule}`, { expression })

const findAsking = (asked: readonly StudyAsked[], id: string): StudyAsked => {
  const found = oneCalled(id, asked, ({ study }) => study)
  if (found !== undefined) return found
  throw new FhirError('not-found', 'No study that asks this patient matches the given query')
}

/** What is given already can go on and end, even if the study does not ask for it any more. */
const requireAsked = (study: StudyAsked, kinds: readonly string[], classes: CodeClasses): void => {
  const known = kindsOf(study)
  const given = kindsShared(study, classes)
  const other = kinds.find(kind => !known.includes(kind) && !given.has(kind))
  if (other !== undefined)
    throw new FhirError('business-rule', `The study does not ask for ${other}; it asks for ${known.join(', ')}`, {
      expression: 'studyScopeConsents.scopeConsents',
      status: 400,
    })
}

type Answer = { readonly kinds: Kinds; readonly classes: CodeClasses }

/** After it, the current Consent says what was answered. One that gives nothing any more has ended, or was refused. */
const answer = (asked: StudyAsked, { kinds, classes }: Answer): Change | undefined => {
  const shared = kindsShared(asked, classes)
  const changed = [...kinds].filter(([kind, is]) => is !== shared.has(kind))
  if (asked.consent?.status === 'active' && changed.length === 0) return undefined
  const [begun, ended] = [true, false].map(is => changed.flatMap(([kind, wanted]) => (wanted === is ? kind : [])))
  const next = nextConsent(asked, { begun: begun ?? [], ended: ended ?? [], classes })
  return next && { resource: next, ifMatch: isStanding(asked.consent) ? asked.consent.meta?.versionId : undefined }
}

type Changed = { readonly begun: readonly string[]; readonly ended: readonly string[]; readonly classes: CodeClasses }

/** Undefined if there is nothing to say, because it was refused or ended before. */
const nextConsent = (asked: StudyAsked, { begun, ended, classes }: Changed): Consent | undefined => {
  const { consent: before, lines } = asked
  const now = new Date().toISOString()
  const left = before?.status === 'active' ? goingOn(before, ended, classes) : undefined
  if (begun.length === 0 && before?.status === 'active') return left ?? { ...before, status: 'inactive' }
  const standing = isStanding(before) && before.id !== undefined ? { id: before.id } : {}
  if (begun.length === 0) {
    if (before !== undefined && isRefusal(before)) return undefined
    return { ...newConsent(asked, now), ...standing, status: 'rejected' }
  }
  const { hash } = textToAgree(asked)
  const given = lines
    .filter(({ kind }) => begun.includes(kind))
    .map(line => permitOf(asked, { line, shares: true, from: '', until: '' }, now))
  const next: Consent = {
    ...newConsent(asked, now),
    ...standing,
    status: 'active',
    sourceAttachment: { ...sourceOf(asked), hash },
    provision: givenToStudy(asked.study.id ?? '', {
      ...left?.provision,
      type: 'deny',
      provision: [...(left === undefined ? [] : sinceBefore(left)), ...given],
    }),
  }
  requireGiven(begun, next, classes)
  return next
}

/** Throws if what goes on of the Consent before denies what is given now, or bounds its time. */
const requireGiven = (begun: readonly string[], consent: Consent, classes: CodeClasses): void => {
  const given = kindsShared({ consent }, classes)
  const denied = begun.find(kind => !given.has(kind))
  if (denied !== undefined)
    throw new FhirError(
      'business-rule',
      `The patient's Consent denies ${denied}, or is over by its own words; they can give it on their own page`,
    )
}

/** Throws if there is nothing to agree to. */
const textToAgree = ({ isEnrolled, isUnfinished, study, text }: StudyAsked): NonNullable<StudyAsked['text']> => {
  if (!isEnrolled)
    throw new FhirError('business-rule', 'They have no place in the study now, so there is nothing to agree to')
  if (isUnfinished) throw new FhirError('business-rule', reasonAgainstText(study) ?? '', { status: 409 })
  if (text !== undefined) return text
  throw new FhirError('business-rule', 'The study has no patient text yet, so there is nothing to agree to', {
    status: 409,
  })
}

/** The Consent to the remaining kinds, under the text that was signed; undefined if there are none. */
const goingOn = (before: Consent, ended: readonly string[], classes: CodeClasses): Consent | undefined => {
  const permitsOf = (consent: Consent) => readConsent(consent, { classes, isSource: () => true })?.permits ?? []
  const lines = permitsOf(before).map(({ kind, device }) => ({ kind, source: device }))
  const left = without(
    before,
    lines.filter(({ kind }) => ended.includes(kind)),
    classes,
  )
  return permitsOf(left).length === 0 ? undefined : left
}

const told = (study: StudyAsked, kinds: Kinds, classes: CodeClasses) =>
  [...kinds.keys()].map(kind => ({
    id: `${study.consent?.id ?? study.study.id}/${kind}`,
    studyPatient: study.record.patient,
    scopeCode: toScopeCode(kind, classes),
    consented: kindsShared(study, classes).has(kind),
    consentedTime: study.consent?.meta?.lastUpdated ?? null,
    textVersions: textVersions(study),
  }))
