import type { ValueSet } from '@medplum/fhirtypes'
import { v7 as uuidv7 } from 'uuid'
import { type Member, openExpansion } from '../fhir/terminology/expansion.ts'
import { refusal } from '../search/refusal.ts'
import type { Operation } from './operation.ts'
import { only } from './parameters.ts'
import { askedValueSet, inParameters, primitivesAmong } from './terminology-asked.ts'

/** https://hl7.org/fhir/R4/valueset-operation-expand.html */
export const expand: Operation = {
  name: 'expand',
  definition: 'http://hl7.org/fhir/OperationDefinition/ValueSet-expand',
  at: { type: 'r', instance: 'r' },
  types: ['ValueSet'],
  methods: ['GET', 'POST'],
  documentation:
    'All codes of a value set: one that is stored here, published by this server, of R4 itself, or posted. filter, offset and count choose among them. Code systems that are not held here whole are refused.',
  handler: async (sent, context) => {
    const request = inParameters(sent)
    const given = primitivesAmong(request, '$expand', names, ['valueSet'])
    const page = { offset: numberOf(given, 'offset'), count: numberOf(given, 'count') }
    const valueSet = await askedValueSet(request, given, context)
    const members = await openExpansion(context.store.terminology).codesOf(valueSet)
    const text = JSON.stringify(expanded(valueSet, filtered(members, only(given, 'filter') ?? ''), page))
    return { status: 200, body: { kind: 'text', text } }
  },
}

const names = ['url', 'valueSetVersion', 'filter', 'offset', 'count']

const numberOf = (given: URLSearchParams, name: string): number | undefined => {
  const text = only(given, name)
  if (text === undefined) return undefined
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw refusal(name, `${name} is a whole number, not "${text}"`)
}

/** Any word of the text, in the code or the display, case aside. */
const filtered = (members: readonly Member[], filter: string): readonly Member[] => {
  const words = filter.toLowerCase().split(/\s+/)
  return members.filter(({ code, display = '' }) => {
    const text = `${code} ${display}`.toLowerCase()
    return words.every(word => text.includes(word))
  })
}

type Page = { readonly offset: number | undefined; readonly count: number | undefined }

const expanded = (
  { text: _, compose: __, ...valueSet }: ValueSet,
  members: readonly Member[],
  { offset = 0, count }: Page,
): ValueSet => {
  const shown = members.slice(offset, count === undefined ? undefined : offset + count)
  return {
    ...valueSet,
    expansion: {
      identifier: `urn:uuid:${uuidv7()}`,
      timestamp: new Date().toISOString(),
      total: members.length,
      offset,
      // FHIR has no empty lists.
      ...(shown.length > 0 && { contains: contained(shown) }),
    },
  }
}

const contained = (members: readonly Member[]) =>
  members.map(({ system, code, display }) => ({ system, code, ...(display === undefined ? {} : { display }) }))
