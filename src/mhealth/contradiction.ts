import { systems } from '../fhir/canonical.ts'
import type { Issue } from '../fhir/error.ts'
import { jsonText } from '../fhir/json.ts'
import type { CodeClasses } from '../fhir/measured/code-class.ts'
import { compareNative } from './agreement.ts'
import { type Codings, componentKeys } from './codings.ts'
import { codedSchemas, type OmhDocument } from './document.ts'
import { detailsOf, type Finding, finding } from './finding.ts'
import { asList, asRecord, asText, type JsonRecord } from './json-tree.ts'
import { choiceOf } from './merge.ts'
import type { NativeFace } from './observation.ts'

/** An issue for each contradiction between the client's own elements and the document, naming both sides: no policy accepts any. */
export const contradictions = (observation: JsonRecord, face: NativeFace, document: OmhDocument): readonly Issue[] => [
  ...contradictingSubject(observation, document),
  ...[...compareNative(observation, face), ...contradictingComponents(observation, face)].map(issue => ({
    ...issue,
    details: detailsOf('contradiction'),
  })),
]

/** Findings about codes of the Observation that say something else than the document. */
export const codeFindings = (
  observation: JsonRecord,
  face: NativeFace,
  document: OmhDocument,
  { classes, codings }: { readonly classes: CodeClasses; readonly codings: Codings },
): readonly Finding[] => {
  const { id } = document
  const own = `${id.namespace}:${id.name}`
  const classKey = classes.classOf(systems.omh, own)
  const kind = classes.kindOf(undefined, own) ?? classKey
  return [
    ...versionFindings(observation, document),
    ...asList(asRecord(observation.code)?.coding).flatMap((one, index): readonly Finding[] => {
      const { system, code } = asRecord(one) ?? {}
      if (typeof code !== 'string') return []
      const expression = `Observation.code.coding[${index}]`
      const sent = classes.kindOf(asText(system), code)
      if (sent !== undefined && sent !== kind) {
        const message = `the code ${jsonText(system)}|${code} is of ${sent}, the document is ${own}:${id.version}`
        return [finding('code-differs', message, expression)]
      }
      const unmet = system === systems.loinc && face.facts ? codings.unmet(classKey, code, face.facts) : undefined
      if (unmet === undefined) return []
      return [finding('code-condition', `${code} stands for ${unmet}, and the document says otherwise`, expression)]
    }),
  ]
}

/** `4.x` means any minor version of 4. */
const isVersion = (version: string, asked: string): boolean =>
  version === asked || (asked.endsWith('.x') && version.startsWith(asked.slice(0, -1)))

/** The document's own schema id is used, even if the code names another version. */
const versionFindings = (observation: JsonRecord, { id, expression }: OmhDocument): readonly Finding[] =>
  codedSchemas(observation)
    .filter(({ name, version }) => name === id.name && version !== undefined && !isVersion(id.version, version))
    .map(({ namespace, name, version }) => {
      const coded = `${namespace}:${name}:${version}`
      const message = `Observation.code says ${coded}, the document is version ${id.version}`
      return finding('version-differs', message, expression)
    })

/** Most user ids are the app's own; only one that names a Patient can be compared. */
export const contradictingSubject = (observation: JsonRecord, { plain }: OmhDocument): readonly Issue[] => {
  const patient = patientIn(plain.header?.user_id)
  const subject = patientIn(asRecord(observation.subject)?.reference)
  if (patient === undefined || subject === undefined || patient === subject) return []
  const message = `the subject is Patient/${subject}, the document is of Patient/${patient}`
  return [{ code: 'value', message, expression: 'Observation.subject', details: detailsOf('subject-differs') }]
}

const patientIn = (reference: unknown): string | undefined =>
  /(?:^|\/)Patient\/([A-Za-z0-9.-]{1,64})$/.exec(asText(reference) ?? '')?.[1]

const contradictingComponents = (observation: JsonRecord, face: NativeFace): readonly Issue[] =>
  asList(observation.component).flatMap((sent, index) => {
    const keys = new Set(componentKeys(sent))
    const derived = face.components.find(one => componentKeys(one).some(key => keys.has(key)))
    if (derived === undefined) return []
    return compareNative(asRecord(sent) ?? {}, { elements: derived }, `Observation.component[${index}]`)
  })

/**
 * A stored Observation without the values and times that contradict its document. They cannot be its sender's, since no policy accepts such an upload:
 * an earlier derivation made them.
 */
export const withoutContradicting = (stored: JsonRecord, face: NativeFace): JsonRecord => {
  const contradicting = new Set(compareNative(stored, face).map(({ expression = '' }) => expression))
  const own = Object.entries(stored).filter(([name]) => !contradicting.has(`Observation.${choiceOf(name)}`))
  const components = asList(stored.component)
  const wrong = new Set(contradictingComponents(stored, face).map(({ expression = '' }) => placeIn(expression)))
  const kept = components.filter((_, index) => !wrong.has(index))
  return { ...Object.fromEntries(own), ...(components.length === 0 ? {} : { component: kept }) }
}

const placeIn = (expression: string): number => Number(/\[(\d+)\]/.exec(expression)?.[1])
