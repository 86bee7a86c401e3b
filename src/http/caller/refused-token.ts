import type { FastifyRequest } from 'fastify'
import { agentOf } from '../../storage/audit/agent.ts'
import type { Tried } from '../../storage/audit/refusal.ts'
import type { Trail } from '../../storage/audit/trail.ts'
import type { FindCaller, OnRefused } from './caller.ts'

export type RefusedParts = {
  /** Whose a token is that is in force no more, as far as that is to be recorded. */
  readonly findRefused: FindCaller
  readonly trail: Trail
}

/**
 * That somebody came with a token that was theirs: with one that never was, nobody is known, and the log has it. What is tried
 * is undefined where nothing is at that path: that uses up no token's turn to be recorded.
 */
export const recordRefused =
  ({ findRefused, trail }: RefusedParts, triedAt: (request: FastifyRequest) => Tried | undefined): OnRefused =>
  async (bearer, request) => {
    const tried = triedAt(request)
    const caller = tried && (await findRefused(bearer))
    if (tried !== undefined && caller !== undefined)
      await trail.keep({ ...agentOf(caller, { request: request.id }), ...tried, patients: [], outcome: 401 })
  }
