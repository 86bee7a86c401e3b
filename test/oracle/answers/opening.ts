import t from 'tap'
import type { Surroundings } from '../derive/combined.ts'
import { type Example, keyOf, type Resource, readExamples } from '../examples.ts'
import { knownInvalid } from '../known-invalid.ts'
import { findLinks, type Links } from '../links.ts'
import { makeHierarchies } from '../made-hierarchies.ts'
import { type Oracle, openOracle } from '../opening.ts'
import { openRandom, type Random, seedOf } from '../random.ts'
import { type Criterion, select } from '../select.ts'
import { makeLists } from './list.ts'

export type Answers = Oracle & {
  /** With parameters that the server supports. */
  readonly links: Links
  /** What is needed to derive questions. */
  readonly at: (random: Random) => Surroundings
  /** Sorted keys of those of a type that match all criteria and for which the rule holds. */
  readonly expectedOf: (
    type: string,
    criteria: readonly Criterion[],
    isOf?: (one: Resource) => boolean,
  ) => readonly string[]
}

/**
 * All examples except most definitions, with Lists of them and hierarchies. They are loaded once for each process, which takes as long as what many
 * tests ask of them. The server ends with the tests.
 */
export const openAnswers = (): Promise<Answers> => {
  opened ??= open()
  return opened
}
let opened: Promise<Answers> | undefined

const open = async (): Promise<Answers> => {
  const seed = seedOf()
  const oracle = await openOracle({
    wanted,
    more: definitions => [
      ...makeLists(readExamples().filter(wanted), openRandom(seed, 'lists')),
      ...makeHierarchies(definitions, openRandom(seed, 'hierarchies')),
    ],
  })
  t.teardown(() => oracle.server.close())
  const { world, resources } = oracle
  const links = supportedBy(oracle, findLinks(world, resources))
  return {
    ...oracle,
    links,
    at: random => ({ ...oracle, links, random }),
    expectedOf: (type, criteria, isOf = () => true) => {
      const ids = new Set(select(world, type, criteria))
      return world
        .resourcesOf(type)
        .filter(one => ids.has(one.id) && isOf(one))
        .map(keyOf)
        .sort()
    },
  }
}

/** Definitions are most of the examples, and every tenth of them is as good as all. */
const definitions = new Set(['StructureDefinition', 'SearchParameter', 'CodeSystem', 'ValueSet', 'Bundle'])
const sample = new Set(readExamples().flatMap(({ key }, index) => (index % 10 === 0 ? [key] : [])))
const wanted = ({ key, resource }: Example) =>
  !definitions.has(resource.resourceType) || sample.has(key) || key in knownInvalid

const supportedBy = ({ supported }: Oracle, links: Links): Links => ({
  from: resource => links.from(resource).filter(({ source, code }) => supported(source.resourceType, code)),
  to: resource => links.to(resource).filter(({ source, code }) => supported(source.resourceType, code)),
})
