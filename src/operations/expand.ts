import type { CodeSystemConceptDesignation, ValueSet, ValueSetExpansionContains } from '@medplum/fhirtypes'
import { v7 as uuidv7 } from 'uuid'
import { FhirError } from '../fhir/error.ts'
import { type Expansion, type Member, openExpansion } from '../fhir/terminology/expansion.ts'
import { refusal } from '../search/refusal.ts'
import { type ExpansionAsked, expansionParameters, parseExpansionAsked, recorded } from './expansion-asked.ts'
import type { Operation } from './operation.ts'
import type { ParameterTypes } from './parameter-type.ts'
import { primitivesAmong } from './parameters.ts'
import { askedValueSet, inParameters } from './terminology-asked.ts'

/** https://hl7.org/fhir/R4/valueset-operation-expand.html */
export const expand: Operation = {
  name: 'expand',
  definition: 'http://hl7.org/fhir/OperationDefinition/ValueSet-expand',
  at: { type: 'r', instance: 'r' },
  types: ['ValueSet'],
  methods: ['GET', 'POST'],
  takes: () => ({ primitives: parameters, complex: ['valueSet'] }),
  documentation:
    'All codes of a value set that is stored here, published by this server, part of R4 itself, or posted; as a flat list without abstract codes. filter, offset, count, activeOnly and exclude-system choose among them; includeDesignations, displayLanguage and includeDefinition say how they are shown. excludeNested, excludeNotForUI and excludePostCoordinated change nothing. Code systems of which this server does not have all codes are refused, and so are date, system-version, check-system-version and force-system-version, since only the present definitions are known; context and contextDirection, since a value set is named by url; and designation, since includeDesignations adds all.',
  handler: async (sent, context) => {
    const request = inParameters(sent)
    const given = primitivesAmong(request, 'expand', expand.takes())
    const asked = parseExpansionAsked(given)
    const valueSet = await askedValueSet(request, given, context)
    const expansion = openExpansion(context.store.terminology, asked.without)
    const all = await expansion.codesOf(valueSet)
    const members = asked.isActiveOnly ? await activeAmong(all, expansion) : all
    const parameter = recorded(given)
    const text = JSON.stringify(expanded(valueSet, filtered(members, asked), parameter, asked))
    return { status: 200, body: { kind: 'text', text } }
  },
}

const parameters: ParameterTypes = { url: 'text', valueSetVersion: 'text', ...expansionParameters }

/** If a value set names a code, only the code system says whether it is still in use. */
const activeAmong = async (members: readonly Member[], expansion: Expansion): Promise<readonly Member[]> => {
  const systems = [...new Set(members.map(({ system }) => system))]
  const held = new Map(await Promise.all(systems.map(async url => [url, await heldWhole(url, expansion)] as const)))
  return members.filter(({ system, code }) => held.get(system)?.concepts.get(code)?.isInactive !== true)
}

const heldWhole = async (url: string, expansion: Expansion) => {
  try {
    return await expansion.system(url)
  } catch (error) {
    if (!(error instanceof FhirError)) throw error
    throw refusal('activeOnly', `Which codes of ${url} are active is not known here: the code system is not held whole`)
  }
}

/** Those with every word of the text in the code or the display, whatever the case. */
const filtered = (members: readonly Member[], { words, language }: ExpansionAsked): readonly Member[] =>
  members
    .map(member => ({ ...member, display: inLanguage(member, language) }))
    .filter(({ code, display = '' }) => {
      const text = `${code} ${display}`.toLowerCase()
      return words.every(word => text.includes(word))
    })

/** The display in a language; if there is none, the code's own display. */
const inLanguage = ({ display, designation = [] }: Member, language: string | undefined): string | undefined => {
  if (language === undefined) return display
  const fitting = designation.filter(one => isOfLanguage(one, language))
  return (fitting.find(({ use }) => use === undefined || use.code === 'display') ?? fitting[0])?.value ?? display
}

/** `de-AT` is a `de`, and if `de-AT` is asked for, a `de` will do. */
const isOfLanguage = ({ language = '' }: CodeSystemConceptDesignation, asked: string): boolean => {
  const [one, other] = [language.toLowerCase(), asked.toLowerCase()]
  return one !== '' && (one === other || one.startsWith(`${other}-`) || other.startsWith(`${one}-`))
}

const expanded = (
  { text: _, compose, ...valueSet }: ValueSet,
  members: readonly Member[],
  parameter: ReturnType<typeof recorded>,
  { offset, count, hasDefinition, hasDesignations }: ExpansionAsked,
): ValueSet => {
  const shown = members.slice(offset, count === undefined ? undefined : offset + count)
  return {
    ...valueSet,
    ...(hasDefinition && compose !== undefined && { compose }),
    expansion: {
      identifier: `urn:uuid:${uuidv7()}`,
      timestamp: new Date().toISOString(),
      total: members.length,
      offset,
      // FHIR has no empty lists.
      ...(parameter.length > 0 && { parameter: [...parameter] }),
      ...(shown.length > 0 && { contains: shown.map(one => contained(one, hasDesignations)) }),
    },
  }
}

const contained = (
  { system, code, display, designation = [] }: Member,
  hasDesignations: boolean,
): ValueSetExpansionContains => ({
  system,
  code,
  ...(display === undefined ? {} : { display }),
  ...(hasDesignations && designation.length > 0 && { designation: [...designation] }),
})
