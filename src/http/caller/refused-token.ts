import type { FastifyRequest } from 'fastify'
import { agentOf } from '../../storage/audit/agent.ts'
import type { Tried } from '../../storage/audit/refusal.ts'
import type { Trail } from '../../storage/audit/trail.ts'
import type { FindCaller, OnRefused } from './caller.ts'

export type RefusedParts = {
  /** Whose token it is that is no longer in force, as far as that is to be recorded. */
  readonly findRefused: FindCaller
  readonly trail: Trail
}

/**
 * Records that somebody came with a token that is no longer in force. With a token that never was, nobody is known, and only the log has it. If
 * there is nothing at the path, nothing was tried, and the token may still be recorded another time.
 */
export const recordRefused =
  ({ findRefused, trail }: RefusedParts, triedAt: (request: FastifyRequest) => Tried | undefined): OnRefused =>
  async (bearer, request) => {
    const tried = triedAt(request)
    const caller = tried && (await findRefused(bearer))
    if (tried !== undefined && caller !== undefined)
      await trail.keep({ ...agentOf(caller, { request: request.id }), ...tried, patients: [], outcome: 401 })
  }
