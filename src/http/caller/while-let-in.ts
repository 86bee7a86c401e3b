import type { FastifyRequest } from 'fastify'
import { FhirError } from '../../fhir/error.ts'
import { toldError } from '../errors.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Whether the token or the session that the request was let in by has not been ended; a token may have run out. */
    isStillLetIn?: () => Promise<boolean>
  }
}

/**
 * What is read from the database while it goes out, which whoever reads slowly draws out for hours, ends with what it was asked
 * by: the client sees a connection that breaks. A backend's token lasts five minutes, and much takes longer: what has begun
 * by one that runs out comes to its end.
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

/** Pieces may be small, and many. */
const pauseMs = 1000

/** It can be told to nobody any more. That a client has gone is none: it comes to whoever asks for pieces, and not here. */
const loggingFaults = async function* <Piece>(request: FastifyRequest, pieces: AsyncIterable<Piece>) {
  try {
    yield* pieces
  } catch (error) {
    toldError(error, request)
    throw error
  }
}
