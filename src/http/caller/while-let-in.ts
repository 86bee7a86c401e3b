import type { FastifyRequest } from 'fastify'
import { FhirError } from '../../fhir/error.ts'
import { toldError } from '../errors.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /**
     * Whether the token or session by which the request was let in has not been revoked, and is of the same caller; the token may have expired.
     */
    isStillLetIn?: () => Promise<boolean>
  }
}

/**
 * An answer that is read from the database while it goes out, which a slow reader may draw out for hours, ends when the token or session by which
 * it was asked is revoked, or its caller is not who they were: the client sees the connection break. That a token expires does not end it, since a backend's token lasts five
 * minutes, and many answers take longer.
 */
export const whileLetIn = async function* <Piece>(
  request: FastifyRequest,
  pieces: AsyncIterable<Piece>,
): AsyncGenerator<Piece> {
  let askedAt = performance.now()
  for await (const piece of loggingFaults(request, pieces)) {
    if (performance.now() - askedAt >= pauseMs) {
      if (!(await request.isStillLetIn?.())) throw new FhirError('login', 'What this was asked by has ended meanwhile')
      askedAt = performance.now()
    }
    yield piece
  }
}

/** It ends as well once this no longer holds. */
export const letInWhile = (request: FastifyRequest, holds: () => Promise<boolean>): void => {
  const { isStillLetIn } = request
  request.isStillLetIn = async () => (await isStillLetIn?.()) === true && (await holds())
}

/** Asked at most once in this time, since there may be many small pieces. */
const pauseMs = 1000

/** Logs faults, which cannot be answered any more. That the client has gone is no fault, and is not met here. */
const loggingFaults = async function* <Piece>(request: FastifyRequest, pieces: AsyncIterable<Piece>) {
  try {
    yield* pieces
  } catch (error) {
    toldError(error, request)
    throw error
  }
}
