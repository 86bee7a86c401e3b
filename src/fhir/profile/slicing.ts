import { isJson } from '../validate/walk.ts'
import { equals, fits, type Instance, instancesAt, isType } from './instance.ts'
import type { Discriminator, ElementDefinition, Node, Profile, ProfileConstraint } from './profile.ts'

/** What is needed to tell slices apart: the profiles that elements name, and the codes of value sets. */
export type Known = {
  readonly profile: (url: string) => Profile | undefined
  /** Undefined if the codes of the value set cannot be listed. */
  readonly holds: (valueSet: string, value: unknown) => boolean | undefined
  /** Whether a rule belongs to the type itself, and so is checked by validation. */
  readonly isOfType: (constraint: ProfileConstraint) => boolean
}

/** Whether a value belongs to a slice of the element. https://hl7.org/fhir/R4/profiling.html#discriminator */
export const isInSlice = (element: Node, slice: Node, instance: Instance, known: Known): boolean =>
  discriminatorsOf(element).every(one => testOf(one)?.(one, slice, instance, known) ?? false)

/**
 * By what a slice is told from others that cannot be decided here: other resources are not read, what obeys a profile is not tried, and some codes cannot
 * be listed.
 */
export const untold = (element: Node, slice: Node, known: Known): Discriminator | undefined =>
  discriminatorsOf(element).find(one => {
    const test = testOf(one)
    if (test === byTarget) return !namesTypes(targetsOf(one, slice, known))
    if (test === undefined || !/^[$\w.]+$/.test(one.path)) return true
    return test === byValue && !isTelling(nodesAt([slice], stepsOf(one.path), known).filter(tells), known)
  })

const namesTypes = (targets: readonly string[]): boolean =>
  targets.length > 0 && targets.every(name => name !== 'Resource' && /^[A-Z][A-Za-z]+$/.test(name))

const isTelling = (nodes: readonly Node[], { holds }: Known): boolean =>
  nodes.length > 0 &&
  nodes.every(({ definition }) => hasValue(definition) || holds(definition.binding?.valueSet ?? '', '') !== undefined)

const discriminatorsOf = (element: Node): readonly Discriminator[] =>
  element.definition.slicing?.discriminator ?? impliedBy(element)

const testOf = ({ type, path }: Discriminator): Test | undefined =>
  type === 'type' && /(^|\.)resolve\(\)$/.test(path) ? byTarget : tests[type]

/** Extensions are always told apart by url, and the types of a choice by type. */
const impliedBy = ({ name, isChoice }: Node): readonly Discriminator[] =>
  isChoice
    ? [{ type: 'type', path: '$this' }]
    : [{ type: 'value', path: /^(modifierE|e)xtension$/.test(name) ? 'url' : '$this' }]

type Test = (discriminator: Discriminator, slice: Node, instance: Instance, known: Known) => boolean

const byValue: Test = ({ path }, slice, instance, known) => {
  const nodes = nodesAt([slice], stepsOf(path), known)
  const values = valuesAt([instance], stepsOf(path))
  const telling = nodes.filter(tells)
  return telling.length > 0 && telling.every(node => values.some(({ value }) => satisfies(node, value, known)))
}

const byExistence: Test = ({ path }, slice, instance, known) => {
  const [node] = nodesAt([slice], stepsOf(path), known)
  const exists = valuesAt([instance], stepsOf(path)).length > 0
  return node?.definition.max === '0' ? !exists : exists
}

const byType: Test = ({ path }, slice, instance, known) => {
  const types = nodesAt([slice], stepsOf(path), known).flatMap(({ definition }) => definition.type ?? [])
  const values = valuesAt([instance], stepsOf(path))
  return values.some(({ value, type }) =>
    types.some(({ code }) => (type === undefined ? isJson(value) && value.resourceType === code : isType(code, type))),
  )
}

/** To which type a reference leads is told by the reference itself. */
const byTarget: Test = (discriminator, slice, instance, known) => {
  const targets = targetsOf(discriminator, slice, known)
  return valuesAt([instance], stepsOf(discriminator.path).slice(0, -1)).some(({ value }) => {
    const { reference, type } = isJson(value) ? value : {}
    const [, named] = /(?:^|\/)([A-Z][A-Za-z]+)\/[^/]+(?:\/_history\/[^/]+)?$/.exec(String(reference ?? '')) ?? []
    return targets.includes(String(named ?? type))
  })
}

const targetsOf = ({ path }: Discriminator, slice: Node, known: Known): readonly string[] =>
  nodesAt([slice], stepsOf(path).slice(0, -1), known)
    .flatMap(({ definition: { type = [] } }) => type.flatMap(({ targetProfile = [] }) => targetProfile))
    .map(url => url.slice(url.lastIndexOf('/') + 1))

const tests: Readonly<Record<string, Test>> = { value: byValue, pattern: byValue, exists: byExistence, type: byType }

const stepsOf = (path: string): readonly string[] =>
  path === '$this' ? [] : path.split('.').filter(step => step !== '$this')

/** The elements that a path leads to, in the slice itself, in its inner slices, and in the profiles that they obey. */
const nodesAt = (nodes: readonly Node[], steps: readonly string[], known: Known): readonly Node[] => {
  const [step, ...rest] = steps
  const all = nodes.flatMap(node => [node, ...node.slices.values()])
  if (step === undefined) return all
  const inside = all.flatMap(node => [node, ...profilesOf(node, known)])
  return nodesAt(
    inside.flatMap(node => node.children.get(step) ?? node.children.get(`${step}[x]`) ?? []),
    rest,
    known,
  )
}

const profilesOf = ({ definition }: Node, known: Known): readonly Node[] =>
  (definition.type ?? []).flatMap(({ profile = [] }) => profile.flatMap(url => known.profile(url)?.root ?? []))

const valuesAt = (instances: readonly Instance[], steps: readonly string[]): readonly Instance[] => {
  const [step, ...rest] = steps
  if (step === undefined) return instances
  const here = instances.flatMap(one => [
    ...instancesAt({ name: step, isChoice: false }, one),
    ...instancesAt({ name: step, isChoice: true }, one).filter(({ type }) => type !== undefined && isTyped(step)),
  ])
  return valuesAt(here, rest)
}

/** Of the elements that a discriminator names without a type, only these are choices. */
const isTyped = (step: string): boolean => ['value', 'effective', 'onset', 'medication', 'deceased'].includes(step)

const tells = ({ definition }: Node): boolean => hasValue(definition) || definition.binding?.strength === 'required'

const hasValue = (definition: ElementDefinition): boolean =>
  fixedOf(definition) !== undefined || patternOf(definition) !== undefined

const satisfies = ({ definition }: Node, value: unknown, known: Known): boolean => {
  const [fixed, pattern] = [fixedOf(definition), patternOf(definition)]
  if (fixed !== undefined) return equals(fixed, value)
  if (pattern !== undefined) return fits(pattern, value)
  return known.holds(definition.binding?.valueSet ?? '', value) ?? false
}

export const fixedOf = (definition: ElementDefinition): unknown => choiceOf(definition, 'fixed')

export const patternOf = (definition: ElementDefinition): unknown => choiceOf(definition, 'pattern')

const choiceOf = (definition: ElementDefinition, prefix: string): unknown =>
  Object.entries(definition).find(([key]) => key.startsWith(prefix) && /^[A-Z]/.test(key.slice(prefix.length)))?.[1]
