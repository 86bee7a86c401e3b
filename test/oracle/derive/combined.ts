import type { Resource } from '../examples.ts'
import type { Links } from '../links.ts'
import { valuesFor } from '../match/matches.ts'
import type { Random } from '../random.ts'
import type { Criterion } from '../select.ts'
import type { World } from '../world.ts'
import { deriveTexts } from './derive.ts'

export type Surroundings = {
  readonly world: World
  readonly links: Links
  readonly random: Random
  readonly supported: Supported
}

/** Whether the server supports this parameter of the type. */
type Supported = (type: string, code: string) => boolean

/** Two or three questions about one resource, each over up to three links, forward and back. */
export const deriveCombined = (at: Surroundings, resource: Resource): readonly Criterion[] => {
  const criteria = Array.from({ length: 1 + at.random.below(3) }, () => question(at, resource, at.random.below(4)))
  return criteria.filter(one => one !== undefined)
}

/** Undefined if nothing can be asked. */
const question = (at: Surroundings, resource: Resource, depth: number): Criterion | undefined => {
  if (depth === 0) return plain(at, resource)
  const asked = at.random.chance(0.5) ? forward(at, resource, depth) : backward(at, resource, depth)
  return asked ?? plain(at, resource)
}

const plain = ({ world, random, supported }: Surroundings, resource: Resource): Criterion | undefined => {
  const definitions = world
    .parametersOf(resource.resourceType)
    .filter(({ code }) => supported(resource.resourceType, code))
    .filter(definition => valuesFor(definition, resource).length > 0)
  const definition = random.pick(definitions)
  const values = valuesFor(definition, resource).slice(0, 50)
  const texts = deriveTexts(world, definition, random.pick(values), random)
  if (texts.length === 0) return undefined
  if (random.chance(0.1) && definition.type !== 'composite') return [`${definition.code}:missing`, 'false']
  const name = random.chance(0.15) && definition.type === 'token' ? `${definition.code}:not` : definition.code
  return [name, random.some(texts, random.chance(0.3) ? 2 : 1).join()]
}

/** The type may only be omitted if the definition names at most this many. */
const fewTargets = 4

const forward = (at: Surroundings, resource: Resource, depth: number): Criterion | undefined => {
  const { world, links, random, supported } = at
  const possible = links.from(resource).filter(({ source, code }) => supported(source.resourceType, code))
  if (possible.length === 0) return undefined
  const { code, target } = random.pick(possible)
  const inner = question(at, target, depth - 1)
  if (inner === undefined) return undefined
  const { target: types = [] } = world.parameter(resource.resourceType, code) ?? {}
  const isPlain = !/[.]|^_has/.test(inner[0])
  const open = isPlain && types.length <= fewTargets && random.chance(0.4)
  return [`${code}${open ? '' : `:${target.resourceType}`}.${inner[0]}`, inner[1]]
}

const backward = (at: Surroundings, resource: Resource, depth: number): Criterion | undefined => {
  const { links, random, supported } = at
  const possible = links.to(resource).filter(({ source, code }) => supported(source.resourceType, code))
  if (possible.length === 0) return undefined
  const { source, code } = random.pick(possible)
  const inner = question(at, source, depth - 1)
  return inner === undefined ? undefined : [`_has:${source.resourceType}:${code}:${inner[0]}`, inner[1]]
}
