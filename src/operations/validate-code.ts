import type { Coding, ParametersParameter } from '@medplum/fhirtypes'
import { toHeldSystem } from '../fhir/terminology/code-system.ts'
import { type Member, openExpansion } from '../fhir/terminology/expansion.ts'
import type { FhirRequest } from '../interactions/interaction.ts'
import { refusal } from '../search/refusal.ts'
import type { Operation } from './operation.ts'
import type { ParameterTypes } from './parameter-type.ts'
import { only, parametersResponse, primitivesAmong, valuesOf } from './parameters.ts'
import { askedCodeSystem, askedValueSet, inParameters } from './terminology-asked.ts'

/** https://hl7.org/fhir/R4/valueset-operation-validate-code.html */
export const validateCodeInValueSet: Operation = {
  name: 'validate-code',
  definition: 'http://hl7.org/fhir/OperationDefinition/ValueSet-validate-code',
  at: { type: 'r', instance: 'r' },
  types: ['ValueSet'],
  methods: ['GET', 'POST'],
  takes: () => ({
    primitives: { ...primitives, system: 'text', valueSetVersion: 'text' },
    complex: [...complex, 'valueSet'],
  }),
  documentation:
    'Whether a code (with its system), a coding, or one of the codings of a codeableConcept is in a value set; and whether a display is right, in any of its languages. context, systemVersion, date, abstract and displayLanguage are refused: a value set is named by url, only the present definitions are known, and abstract codes are in none.',
  handler: async (sent, context) => {
    const request = inParameters(sent)
    const given = primitivesAmong(request, 'validate-code', validateCodeInValueSet.takes())
    const asked = codingsOf(request, given)
    const valueSet = await askedValueSet(request, given, context)
    const members = await openExpansion(context.store.terminology).codesOf(valueSet)
    return parametersResponse(
      judged(asked, members, `the value set ${valueSet.url ?? valueSet.id ?? 'that was posted'}`),
    )
  },
}

/** https://hl7.org/fhir/R4/codesystem-operation-validate-code.html */
export const validateCodeInCodeSystem: Operation = {
  name: 'validate-code',
  definition: 'http://hl7.org/fhir/OperationDefinition/CodeSystem-validate-code',
  at: { type: 'r', instance: 'r' },
  types: ['CodeSystem'],
  methods: ['GET', 'POST'],
  takes: () => ({ primitives: { ...primitives, version: 'text' }, complex: [...complex, 'codeSystem'] }),
  documentation:
    'Whether a code, a coding, or one of the codings of a codeableConcept is in a code system of which this server has all codes; and whether a display is right, in any of its languages. date, abstract and displayLanguage are refused: only the present definitions are known.',
  handler: async (sent, context) => {
    const request = inParameters(sent)
    const given = primitivesAmong(request, 'validate-code', validateCodeInCodeSystem.takes())
    const system = await askedCodeSystem(request, given, context)
    const held = toHeldSystem(system)
    const url = system.url ?? ''
    if (held === undefined) throw refusal('url', `The code system ${url} is held here in part only`)
    const members = [...held.concepts.values()].map(concept => ({ ...concept, system: url }))
    const asked = codingsOf(request, given).map(coding => ({ system: url, ...coding }))
    return parametersResponse(judged(asked, members, `the code system ${url}`))
  },
}

const primitives: ParameterTypes = { url: 'text', code: 'text', display: 'text' }
const complex = ['coding', 'codeableConcept']

const codingsOf = (request: FhirRequest, given: URLSearchParams): readonly Coding[] => {
  const [code, system, display] = ['code', 'system', 'display'].map(name => only(given, name))
  const concepts = valuesOf(request.body, 'codeableConcept', 'valueCodeableConcept')
  const alone = valuesOf(request.body, 'coding', 'valueCoding')
  // "One (and only one) of the in parameters code, coding, or codeableConcept must be provided."
  if ((code === undefined ? 0 : 1) + alone.length + concepts.length > 1)
    throw refusal('code', `Say in one way which code is meant: ${waysToSay}`)
  const posted = [...alone, ...concepts.flatMap(({ coding = [] }) => coding)].filter(one => one.code !== undefined)
  const codings: readonly Coding[] =
    code === undefined
      ? posted
      : [{ code, ...(system === undefined ? {} : { system }), ...(display === undefined ? {} : { display }) }]
  if (codings.length > 0) return codings
  throw refusal('code', `Say which code is meant: ${waysToSay}`)
}

const waysToSay = 'code (and system), coding or codeableConcept'

/** A code without a system matches any code with the same text. */
const judged = (
  asked: readonly Coding[],
  members: readonly Member[],
  where: string,
): readonly ParametersParameter[] => {
  const pairs = asked.flatMap(coding => {
    const member = members.find(
      ({ system, code }) => code === coding.code && (coding.system === undefined || coding.system === system),
    )
    return member === undefined ? [] : [{ coding, member }]
  })
  const [first] = pairs
  if (first === undefined) return answer(false, `${asked.map(textOf).join(', ')} is not in ${where}`)
  const right = pairs.find(({ coding, member }) => coding.display === undefined || isShown(member, coding.display))
  if (right !== undefined) return answer(true, undefined, right.member.display)
  return answer(false, `The display of ${textOf(first.coding)} is "${first.member.display}"`, first.member.display)
}

const textOf = ({ system, code = '' }: Coding): string => (system === undefined ? code : `${system}|${code}`)

/** In whatever language. If the display of a code is unknown, no display is wrong. */
const isShown = ({ display: known, designation = [] }: Member, display: string): boolean =>
  known === undefined || [known, ...designation.map(({ value }) => value)].some(one => isSame(one, display))

const isSame = (one: string | undefined, other: string): boolean => one?.toLowerCase() === other.toLowerCase()

const answer = (result: boolean, message?: string, display?: string): readonly ParametersParameter[] => [
  { name: 'result', valueBoolean: result },
  ...(message === undefined ? [] : [{ name: 'message', valueString: message }]),
  ...(display === undefined ? [] : [{ name: 'display', valueString: display }]),
]
