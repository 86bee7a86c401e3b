import type { FastifyInstance } from 'fastify'
import { ask, queryOf } from './asking.ts'
import { type Criterion, select } from './select.ts'
import type { World } from './world.ts'

type Question = { readonly type: string; readonly criteria: readonly Criterion[] }

/** Undefined if both agree, else the difference in one line. */
export type Compare<Asked extends Question = Question> = (question: Asked) => Promise<string | undefined>

/** `heard` gets how many the specification expects. */
export const openComparison =
  <Asked extends Question>(
    server: FastifyInstance,
    world: World,
    heard: (question: Asked, count: number) => void = () => {},
  ): Compare<Asked> =>
  async question => {
    const { type, criteria } = question
    const query = queryOf(type, criteria)
    const expected = select(world, type, criteria)
    heard(question, expected.length)
    const answer = await ask(server, query)
    return 'refused' in answer ? `${query} ${answer.refused}` : difference(query, expected, answer.ids)
  }

export const difference = (
  query: string,
  expected: readonly string[],
  found: readonly string[],
): string | undefined => {
  if (expected.join() === found.join()) return undefined
  const lacking = expected.filter(id => !found.includes(id))
  const surplus = found.filter(id => !expected.includes(id))
  return `${query} finds ${found.length} of ${expected.length}, lacks [${short(lacking)}], has too much [${short(surplus)}]`
}

const short = (ids: readonly string[]): string => (ids.length > 6 ? `${ids.slice(0, 6)} … ${ids.length}` : ids.join())
