import { systems } from '../canonical.ts'
import { fullUrlFault } from '../full-url.ts'
import { isNumber, jsonText, toNumber } from '../json.ts'
import { isInOrder } from './invariants-datatype.ts'
import { countOf, has, hasAny, hasChoice, hasCoding, lacks, listOf } from './presence.ts'
import { isJson, type Json, report, type Walk } from './walk.ts'

const clinical = 'http://terminology.hl7.org/CodeSystem/condition-clinical'
const verification = 'http://terminology.hl7.org/CodeSystem/condition-ver-status'

const isDistinct = (values: readonly unknown[]): boolean => new Set(values).size === values.length

const hasHome = (value: unknown): boolean => isJson(value) && value.use === 'home'

/** Whether entries have the part in Bundles of these types, and in no others. */
const onlyIn =
  (name: string, ...types: readonly string[]) =>
  ({ entry, type }: Json): boolean =>
    listOf(entry).every(one => has(one, name) === types.includes(type as string))

const firstIs = ({ entry }: Json, type: string): boolean => {
  const [first] = listOf(entry)
  return first !== undefined && isJson(first.resource) && first.resource.resourceType === type
}

const versionsOf = (entries: readonly Json[]): unknown[] =>
  entries
    .filter(entry => has(entry, 'fullUrl'))
    .map(({ fullUrl, resource }) => {
      const meta = isJson(resource) && isJson(resource.meta) ? resource.meta : {}
      return `${jsonText(fullUrl)} ${jsonText(meta.versionId ?? '')}`
    })

/** Reports in words of its own what no constraint requires, but the definition of the element does. */
const isFullUrl = (fullUrl: string, walk: Walk): boolean => {
  const fault = fullUrlFault(fullUrl)
  if (fault !== undefined) report(walk, 'value', fault, 'fullUrl')
  return !fullUrl.includes('/_history/')
}

const codingsOf = (concept: unknown): string[] =>
  isJson(concept) ? listOf(concept.coding).map(coding => JSON.stringify(coding)) : []

const linkIds = (items: unknown): unknown[] =>
  listOf(items).flatMap(item => [...(item.linkId === undefined ? [] : [item.linkId]), ...linkIds(item.item)])

/** Those of concepts inside concepts, too. A loop, since they may be nested deeply. */
const conceptCodes = (system: Json): unknown[] => {
  const concepts = listOf(system.concept)
  // A loop over an array also comes to what is added during it.
  for (const { concept } of concepts) for (const one of listOf(concept)) concepts.push(one)
  return concepts.flatMap(({ code }) => code ?? [])
}

/** What is missing breaks no rule. */
const isPercent = (quantity: unknown): boolean =>
  !isJson(quantity) ||
  ((quantity.code === undefined || quantity.code === '%') &&
    (quantity.system === undefined || quantity.system === systems.ucum))

const typesWithOptions = new Set([
  'choice',
  'open-choice',
  'decimal',
  'integer',
  'date',
  'dateTime',
  'time',
  'string',
  'quantity',
])
const typesWithLength = new Set(['boolean', 'decimal', 'integer', 'string', 'text', 'url', 'open-choice'])

/**
 * Constraints of the resources that such a server mostly has, and of elements of which a resource may have very many, by key (or path and key).
 * https://hl7.org/fhir/R4/resourcelist.html
 */
export const resourceInvariants = {
  'obs-3': (value: Json) => hasAny(value, 'low', 'high', 'text'),
  'obs-6': (value: Json) => lacks(value, 'dataAbsentReason') || !hasChoice(value, 'value'),
  'obs-7': (value: Json) => {
    if (value.component === undefined || !hasChoice(value, 'value')) return true
    const own = new Set(codingsOf(value.code))
    return !listOf(value.component).some(({ code }) => codingsOf(code).some(coding => own.has(coding)))
  },
  'pat-1': (value: Json) => hasAny(value, 'name', 'telecom', 'address', 'organization'),
  'org-1': (value: Json) => hasAny(value, 'identifier', 'name'),
  'org-2': (value: unknown) => !hasHome(value),
  'org-3': (value: unknown) => !hasHome(value),
  'grp-1': (value: Json) => lacks(value, 'member') || value.actual === true,
  'ppc-1': (value: Json) => hasAny(value, 'policy', 'policyRule'),
  // ppc-2 to ppc-5 are about a code system named 'something', so every Consent obeys them.
  'ppc-2': () => true,
  'ppc-3': () => true,
  'ppc-4': () => true,
  'ppc-5': () => true,
  'sev-1': (value: Json) => countOf(value, 'name', 'query') < 2,
  'bdl-1': (value: Json) => lacks(value, 'total') || value.type === 'searchset' || value.type === 'history',
  'bdl-2': (value: Json) => value.type === 'searchset' || !listOf(value.entry).some(entry => has(entry, 'search')),
  'bdl-3': onlyIn('request', 'batch', 'transaction', 'history'),
  'bdl-4': onlyIn('response', 'batch-response', 'transaction-response', 'history'),
  'bdl-5': (value: Json) => hasAny(value, 'resource', 'request', 'response'),
  'bdl-7': (value: Json) => value.type === 'history' || isDistinct(versionsOf(listOf(value.entry))),
  'bdl-8': ({ fullUrl }: Json, walk: Walk) => typeof fullUrl !== 'string' || isFullUrl(fullUrl, walk),
  'bdl-9': ({ type, identifier }: Json) =>
    type !== 'document' || (isJson(identifier) && has(identifier, 'system') && has(identifier, 'value')),
  'bdl-10': (value: Json) => value.type !== 'document' || value.timestamp !== undefined,
  'bdl-11': (value: Json) => value.type !== 'document' || firstIs(value, 'Composition'),
  'bdl-12': (value: Json) => value.type !== 'message' || firstIs(value, 'MessageHeader'),
  'con-1': (value: Json) => hasAny(value, 'summary', 'assessment'),
  'con-2': (value: Json) => hasAny(value, 'code', 'detail'),
  'con-4': (value: Json) =>
    !hasChoice(value, 'abatement') || hasCoding(value.clinicalStatus, clinical, 'resolved', 'remission', 'inactive'),
  'con-5': (value: Json) =>
    !hasCoding(value.verificationStatus, verification, 'entered-in-error') || lacks(value, 'clinicalStatus'),
  'lst-1': (value: Json) => countOf(value, 'emptyReason', 'entry') < 2,
  'lst-2': (value: Json) => value.mode === 'changes' || !listOf(value.entry).some(entry => has(entry, 'deleted')),
  'lst-3': (value: Json) => value.mode === 'working' || !listOf(value.entry).some(entry => has(entry, 'date')),
  'Parameters.parameter inv-1': (value: Json) => {
    const values = Number(hasChoice(value, 'value')) + Number(has(value, 'resource'))
    return has(value, 'part') ? values === 0 : values === 1
  },
  'Task inv-1': (value: Json) => isInOrder(value.authoredOn, value.lastModified),
  'que-1': ({ type, item }: Json) => (type === 'group' ? item !== undefined : type !== 'display' || item === undefined),
  'que-2': (value: Json) => isDistinct(linkIds(value.item)),
  'que-3': (value: Json) => value.type !== 'display' || lacks(value, 'code'),
  'que-4': (value: Json) => countOf(value, 'answerOption', 'answerValueSet') < 2,
  'que-5': (value: Json) =>
    typesWithOptions.has(value.type as string) || !hasAny(value, 'answerOption', 'answerValueSet'),
  'que-6': (value: Json) => value.type !== 'display' || !hasAny(value, 'required', 'repeats'),
  'que-8': (value: Json) => (value.type !== 'group' && value.type !== 'display') || lacks(value, 'initial'),
  'que-9': (value: Json) => value.type !== 'display' || lacks(value, 'readOnly'),
  'que-10': (value: Json) => typesWithLength.has(value.type as string) || lacks(value, 'maxLength'),
  'que-11': (value: Json) => countOf(value, 'answerOption', 'initial') < 2,
  'que-12': (value: Json) => listOf(value.enableWhen).length <= 2 || has(value, 'enableBehavior'),
  'que-13': (value: Json) => value.repeats === true || listOf(value.initial).length <= 1,
  'que-7': (value: Json) => value.operator !== 'exists' || value.answerBoolean !== undefined,
  'qrs-1': (value: Json) => countOf(value, 'answer', 'item') < 2,
  'app-1': (value: Json) => hasAny(value, 'type', 'actor'),
  'ces-1': (value: Json) => countOf(value, 'category', 'productOrService') === 1,
  'cmd-1': (value: Json) =>
    has(value, 'comment') || (value.equivalence !== 'narrower' && value.equivalence !== 'inexact'),
  'cmd-2': (value: Json) => value.mode !== 'fixed' || has(value, 'code'),
  'cmd-3': (value: Json) => value.mode !== 'other-map' || has(value, 'url'),
  'cmp-1': (value: Json) => hasAny(value, 'text', 'entry', 'section'),
  'cmp-2': (value: Json) => countOf(value, 'emptyReason', 'entry') < 2,
  'cpl-3': (value: Json) => countOf(value, 'detail', 'reference') < 2,
  'csd-1': (value: Json) => isDistinct(conceptCodes(value)),
  'gol-1': (value: Json) => !hasChoice(value, 'detail') || has(value, 'measure'),
  'imm-1': (value: Json) => hasAny(value, 'documentType', 'reference'),
  'imr-1': (value: Json) => hasAny(value, 'vaccineCode', 'targetDisease'),
  'mad-1': (value: Json) => has(value, 'dose') || hasChoice(value, 'rate'),
  'ras-1': (value: unknown) => !isJson(value) || (isPercent(value.low) && isPercent(value.high)),
  'rqg-1': (value: Json) => has(value, 'resource') !== has(value, 'action'),
  'vsd-1': (value: Json) => hasAny(value, 'valueSet', 'system'),
  'vsd-2': (value: Json) => !hasAny(value, 'concept', 'filter') || has(value, 'system'),
  'vsd-3': (value: Json) => countOf(value, 'concept', 'filter') < 2,
  'vsd-6': (value: Json) => hasAny(value, 'code', 'display'),
  'vsd-9': (value: Json) => has(value, 'code') || value.abstract !== false,
  'vsd-10': (value: Json) => lacks(value, 'code') || has(value, 'system'),
  'ras-2': (value: Json) => !isNumber(value.probabilityDecimal) || toNumber(value.probabilityDecimal) <= 100,
} as const
