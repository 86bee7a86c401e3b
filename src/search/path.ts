import type { ResourceType } from '@medplum/fhirtypes'
import type { SearchParameter } from '../fhir/definition/search-parameter.ts'
import { FhirError } from '../fhir/error.ts'
import type { Registry } from '../fhir/registry.ts'
import { readAlternatives } from './alternatives.ts'
import type { Expression } from './expression.ts'
import { mostHops } from './limit.ts'
import { type Modifier, parseModifier } from './modifier.ts'
import { codeOf } from './parameter-name.ts'
import { refusal } from './refusal.ts'

/**
 * What the name of a search parameter means: a parameter with its modifier, and the links to other resources that lead there.
 * https://hl7.org/fhir/R4/search.html#chaining
 */
export type Path = {
  readonly links: readonly Link[]
  readonly parameter: SearchParameter
  readonly modifier: Modifier | undefined
}

/** Turns a question about the linked resource into one about the resource that links to it. */
type Link = (of: Expression) => Expression

/** A name means several paths if a chain leaves the type of its target open. */
export const pathsOf = (registry: Registry, type: ResourceType, name: string): readonly [Path, ...Path[]] => {
  const [first, ...others] = follow(registry, type, { asked: name, rest: name, depth: 0, open: 0 })
  if (first === undefined) throw refusal(name, `No possible target of "${name}" has such a search parameter`)
  const links = others.reduce((sum, path) => sum + path.links.length, first.links.length)
  if (links > maxLinks) throw tooManyPaths(name)
  return [first, ...others]
}

export const through = ({ links }: Path, of: Expression): Expression =>
  links.reduceRight((inner, link) => link(inner), of)

/** How far a name has been read: `asked` is all of it, `rest` what is still ahead; `open` counts the links to several types. */
type Reading = { readonly asked: string; readonly rest: string; readonly depth: number; readonly open: number }

const hasStart = '_has:'
/** How many links may leave their type open: each multiplies the paths. */
const maxOpen = 2
export const maxPaths = 150
/** On all paths together: each link is a question within a question. */
export const maxLinks = 900

const follow = (registry: Registry, type: ResourceType, reading: Reading): readonly Path[] => {
  if (reading.depth > mostHops) throw refusal(reading.asked, `"${reading.asked}" has more than ${mostHops} links`)
  if (reading.rest.startsWith(hasStart)) return followHas(registry, type, reading)
  const dot = reading.rest.indexOf('.')
  return dot === -1 ? [end(registry, type, reading)] : followChain(registry, type, reading, dot)
}

const end = (registry: Registry, type: ResourceType, { asked, rest }: Reading): Path => {
  const [code, modifierText] = cutAt(rest, rest.indexOf(':'))
  const parameter = parameterOf(registry, type, code, asked)
  return { links: [], parameter, modifier: parseModifier(parameter, modifierText, asked) }
}

/** `subject:Patient.name`, or `subject.name` for each possible target that has a `name`. */
const followChain = (registry: Registry, type: ResourceType, reading: Reading, dot: number): readonly Path[] => {
  const { asked, rest } = reading
  const [linkText, next = ''] = cutAt(rest, dot)
  const links = linksOf(registry, type, { asked, link: linkText, next })
  const open = reading.open + (links.length > 1 ? 1 : 0)
  if (open > maxOpen) throw tooManyPaths(asked)
  const ahead = { asked, rest: next, depth: reading.depth + 1, open }
  const paths = readAlternatives(links, ({ target, link }) =>
    follow(registry, target, ahead).map(path => linked(path, link)),
  ).flat()
  if (paths.length > maxPaths) throw tooManyPaths(asked)
  return paths
}

/** The links that `subject` or `subject:Patient` may mean: one to each possible type that has the parameter with which `next` begins. */
export const linksOf = (
  registry: Registry,
  type: ResourceType,
  { asked, link, next }: { readonly asked: string; readonly link: string; readonly next: string },
): readonly { readonly target: ResourceType; readonly link: Link }[] => {
  const [code, target] = cutAt(link, link.indexOf(':'))
  const parameter = parameterOf(registry, type, code, asked)
  if (parameter.type !== 'reference') {
    throw refusal(asked, `"${code}" of ${type} is a ${parameter.type} parameter; only references can be chained`)
  }
  const targets =
    target === undefined
      ? possibleTargets(registry, parameter).filter(one => registry.searchParameter(one, headOf(next)) !== undefined)
      : [targetOf(registry, parameter, target, asked)]
  if (targets.length === 0) throw noTarget(registry, parameter, { asked, next })
  const isOpen = target === undefined && targets.length > 1 ? ({ isOpen: true } as const) : {}
  return targets.map(one => ({ target: one, link: of => ({ kind: 'chain', parameter, target: one, ...isOpen, of }) }))
}

/** Says all that a single type has; of several types, how to be told. */
const noTarget = (
  registry: Registry,
  { code, targets }: SearchParameter,
  { asked, next }: { readonly asked: string; readonly next: string },
): FhirError => {
  const [first = 'Patient', ...others] = targets
  if (targets.length === 1) return noParameter(registry, first, { code: headOf(next), asked })
  const types = others.length === 0 ? 'a type' : `one of ${targets.join(', ')}`
  return refusal(
    asked,
    `No possible target of "${asked}" has such a search parameter; to be told what there is, name ${types}, as in ${code}:${first}.${next}`,
  )
}

/** `_has:Group:member:_id`: some Group names this resource as its `member`, and has the `_id`. */
const followHas = (registry: Registry, type: ResourceType, reading: Reading): readonly Path[] => {
  const { asked } = reading
  const rest = reading.rest.slice(hasStart.length)
  const [sourceName, afterSource = ''] = cutAt(rest, rest.indexOf(':'))
  const [code, next = ''] = cutAt(afterSource, afterSource.indexOf(':'))
  if (!registry.isResourceType(sourceName) || code === '' || next === '') {
    throw refusal(asked, `"${asked}" is not of the form _has:[type]:[reference parameter]:[parameter]`)
  }
  const parameter = parameterOf(registry, sourceName, code, asked)
  if (parameter.type !== 'reference' || !possibleTargets(registry, parameter).includes(type)) {
    throw refusal(asked, `"${code}" of ${sourceName} does not refer to ${type}, so it cannot stand in _has`)
  }
  return follow(registry, sourceName, { ...reading, rest: next, depth: reading.depth + 1 }).map(path =>
    linked(path, of => ({ kind: 'has', source: sourceName, parameter, of })),
  )
}

const linked = (path: Path, link: Link): Path => ({ ...path, links: [link, ...path.links] })

const parameterOf = (registry: Registry, type: ResourceType, code: string, asked: string): SearchParameter => {
  const parameter = registry.searchParameter(type, code)
  if (parameter !== undefined) return parameter
  throw noParameter(registry, type, { code, asked })
}

const noParameter = (
  registry: Registry,
  type: ResourceType,
  { code, asked }: { readonly code: string; readonly asked: string },
): FhirError => {
  const codes = registry.searchParametersOf(type).map(one => one.code)
  return refusal(asked, `${type} has no search parameter "${code}"; it has: ${codes.join(', ')}`)
}

const targetOf = (registry: Registry, parameter: SearchParameter, name: string, asked: string): ResourceType => {
  const target = possibleTargets(registry, parameter).find(one => one === name)
  if (target !== undefined) return target
  throw refusal(asked, `"${parameter.code}" does not refer to ${name}; possible: ${parameter.targets.join(', ')}`)
}

/** A parameter whose definition names no targets may refer to any type. */
export const possibleTargets = (registry: Registry, { targets }: SearchParameter): readonly ResourceType[] =>
  targets.length === 0 ? registry.resourceTypes : targets

/** The parameter that a type must have to be a target that is meant; `_has` may follow on any type, as they all have `_id`. */
const headOf = (name: string): string => (name.startsWith(hasStart) ? '_id' : codeOf(name))

const tooManyPaths = (asked: string): FhirError =>
  new FhirError('too-costly', `"${asked}" can mean too many chains; name the types, as in subject:Patient`, {
    status: 400,
    expression: asked,
  })

const cutAt = (text: string, index: number): readonly [string, string?] =>
  index < 0 ? [text] : [text.slice(0, index), text.slice(index + 1)]
