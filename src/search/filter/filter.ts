import type { ResourceType } from '@medplum/fhirtypes'
import type { Registry } from '../../fhir/registry.ts'
import { readAlternatives } from '../alternatives.ts'
import { and, type Expression, not, or } from '../expression.ts'
import { mostHops } from '../limit.ts'
import { linksOf, maxLinks, maxPaths, pathsOf, through } from '../path.ts'
import type { ValueOptions } from '../values/parse-value.ts'
import { compare } from './operators.ts'
import { type Filter, located, readFilter, refusalAt, type Step, type Test } from './syntax.ts'

/** `_filter` as a question. Its names become the same links as in any search, so that they pass through the gate as well. */
export const parseFilter = (registry: Registry, type: ResourceType, text: string, options: ValueOptions): Expression =>
  toExpression(readFilter(text), { registry, type, options, width: 1, links: 0 })

/** Where names are read: of which type, behind how many links. `width`: into how many questions the links that left their type open have split it. */
type Place = {
  readonly registry: Registry
  readonly type: ResourceType
  readonly options: ValueOptions
  readonly width: number
  readonly links: number
}

const toExpression = (filter: Filter, place: Place): Expression => {
  switch (filter.kind) {
    case 'and':
      return and(toExpression(filter.of[0], place), toExpression(filter.of[1], place))
    case 'or':
      return or(toExpression(filter.of[0], place), toExpression(filter.of[1], place))
    case 'not':
      return not(toExpression(filter.of, place))
    case 'test':
      if (filter.value.text.includes('\0')) throw refusalAt(filter.value.at, 'no text here has a NUL character')
      return along(filter.path, filter, place)
  }
}

const along = (path: readonly Step[], test: Test, place: Place): Expression => {
  const [step, next, ...rest] = path
  if (step === undefined) throw new Error('a filter without a path')
  return next === undefined ? compared(step, test, place) : linked(step, [next, ...rest], test, place)
}

/** The specification writes `subject.id` in its examples. */
const codeOf = (name: string): string => (name === 'id' ? '_id' : name)

const compared = (step: Step, test: Test, { registry, type, options }: Place): Expression =>
  located(step.at, () => {
    const paths = pathsOf(registry, type, codeOf(step.text))
    if (paths[0].modifier !== undefined) {
      throw refusalAt(step.at, `"${step.text}" has a modifier; a filter has operators instead`)
    }
    return or(...readAlternatives(paths, path => through(path, compare(registry, path.parameter, test, options))))
  })

const linked = (step: Step, rest: readonly [Step, ...Step[]], test: Test, place: Place): Expression => {
  const { registry, type, options } = place
  const names = { asked: step.text, link: step.text, next: codeOf(rest[0].text) }
  const targets = located(step.at, () => linksOf(registry, type, names))
  const inside = { registry, options, width: place.width * targets.length, links: place.links + 1 }
  if (inside.links > mostHops) throw refusalAt(step.at, `more than ${mostHops} links`)
  if (inside.width > maxPaths || inside.width * inside.links > maxLinks) {
    const message = `"${step.text}" can mean too many chains; name the type, as in subject:Patient`
    throw refusalAt(step.at, message, 'too-costly')
  }
  const questions = readAlternatives(targets, ({ target, link }) => {
    const there = { ...inside, type: target }
    const asked = along(rest, test, there)
    return link(step.filter === undefined ? asked : and(toExpression(step.filter, there), asked))
  })
  return or(...questions)
}
