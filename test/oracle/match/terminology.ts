import type { Resource } from '../examples.ts'
import type { World } from '../world.ts'
import type { Token } from './token.ts'

/** What is read from a code system or a value set. */
type Concept = { readonly code: string; readonly concept?: readonly Concept[] }
type CodeSystem = Resource & { readonly url: string; readonly content: string; readonly concept?: readonly Concept[] }
type Include = {
  readonly system?: string
  readonly concept?: readonly Concept[]
  readonly valueSet?: unknown
  readonly filter?: unknown
}
type ValueSet = Resource & { readonly compose?: { readonly include: readonly Include[]; readonly exclude?: unknown } }

/** Everything that a value set lists; undefined if it does more than list codes and whole code systems. */
export const listedIn = (world: World, url: string): readonly Token[] | undefined => {
  const [valueSet] = world.findCanonical(url).filter(one => one.resourceType === 'ValueSet') as ValueSet[]
  const { include, exclude } = valueSet?.compose ?? {}
  if (include === undefined || exclude !== undefined) return undefined
  const parts = include.map(one => listedBy(world, one))
  return parts.every(part => part !== undefined) ? parts.flat() : undefined
}

const listedBy = (world: World, { system, concept, valueSet, filter }: Include): readonly Token[] | undefined => {
  if (system === undefined || valueSet !== undefined || filter !== undefined) return undefined
  const codes = concept?.map(({ code }) => code) ?? codesOf(codeSystemOf(world, system))
  return codes?.map(code => ({ system, code }))
}

const codesOf = (codeSystem: CodeSystem | undefined): readonly string[] | undefined =>
  codeSystem && treeOf(codeSystem).map(({ path }) => path.at(-1) ?? '')

/** A code system that lists all its codes. */
export const codeSystemOf = (world: World, url: string): CodeSystem | undefined => {
  const found = world.findCanonical(url).filter(one => one.resourceType === 'CodeSystem') as CodeSystem[]
  return found.find(({ content }) => content === 'complete')
}

/** Each code with those above it: "codes that subsume or are subsumed by the specified code", as the hierarchy is nested. */
const treeOf = ({ concept = [] }: Pick<CodeSystem, 'concept'>): readonly { readonly path: readonly string[] }[] =>
  concept.flatMap(({ code, concept: below = [] }) => [
    { path: [code] },
    ...treeOf({ concept: below }).map(({ path }) => ({ path: [code, ...path] })),
  ])

/** The codes at or below, or at or above, a code. */
export const subsuming = (codeSystem: CodeSystem, code: string, reach: 'above' | 'below'): ReadonlySet<string> => {
  const paths = treeOf(codeSystem).map(({ path }) => path)
  const found =
    reach === 'below'
      ? paths.filter(path => path.includes(code)).map(path => path.at(-1) ?? '')
      : paths.filter(path => path.at(-1) === code).flat()
  return new Set([code, ...found])
}
