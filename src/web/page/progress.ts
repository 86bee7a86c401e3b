import { setTimeout as pause } from 'node:timers/promises'
import { fastifySSE } from '@fastify/sse'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { FhirError } from '../../fhir/error.ts'
import type { Session } from '../../storage/account/session.ts'
import { type Html, html } from './html.ts'
import { requireSession, sessionOf } from './signed-in.ts'

/** How far a long task has come. `first`: what goes on before the first of them is done, as the end of a sentence; absent once that is over. */
export type Progress = {
  readonly done: number
  readonly total: number
  readonly isOver: boolean
  readonly first?: string
}

/** Throws FhirError for anybody who may not know it. */
type ReadProgress<Params> = (request: FastifyRequest<{ readonly Params: Params }>) => Promise<Progress>

type Streaming<Params> = {
  readonly read: ReadProgress<Params>
  /** Whether the session is still valid. It is checked before each event but the first, here and wherever somebody signs out. */
  readonly isSignedIn: (session: Session) => Promise<boolean>
}

/** Sends the progress as events to a page that is left open. https://html.spec.whatwg.org/multipage/server-sent-events.html */
export const streamProgress = <Params>(
  server: FastifyInstance,
  path: string,
  { read, isSignedIn }: Streaming<Params>,
): void => {
  let isClosing = false
  const listening = new Map<string, number>()
  server.addHook('preClose', async () => {
    isClosing = true
  })
  void server.register(async within => {
    await within.register(fastifySSE)
    within.get<{ readonly Params: Params }>(
      path,
      { sse: 'only', onRequest: requireSession },
      async (request, reply) => {
        const session = sessionOf(request)
        const first = await read(request as FastifyRequest<{ readonly Params: Params }>)
        const next = async () => {
          if (isClosing || !isHeard(reply) || !(await isSignedIn(session))) return undefined
          return read(request as FastifyRequest<{ readonly Params: Params }>)
        }
        // Whoever left before this began is not noticed by the library, which would wait for them without end.
        if (reply.raw.destroyed) return reply.hijack()
        await counted(listening, session.person, () => reply.sse.send(events(first, next)))
      },
    )
  })
}

/** Limits how many pages of a person are told about one kind of work at once, since each asks the database again and again. */
const counted = async (listening: Map<string, number>, person: string, tell: () => Promise<void>): Promise<void> => {
  const open = listening.get(person) ?? 0
  if (open >= mostStreams)
    throw new FhirError('throttled', `At most ${mostStreams} pages show at once how far such work is`)
  listening.set(person, open + 1)
  try {
    await tell()
  } finally {
    const left = (listening.get(person) ?? 1) - 1
    if (left === 0) listening.delete(person)
    else listening.set(person, left)
  }
}

const mostStreams = 5

const isHeard = ({ sse }: FastifyReply): boolean => sse.isConnected

/** Browsers ask again by themselves if it ends before the work does. */
async function* events(first: Progress, next: () => Promise<Progress | undefined>) {
  let progress: Progress | undefined = first
  for (let count = 0; count < mostEvents && progress !== undefined; count += 1) {
    yield { data: progress }
    if (progress.isOver) return
    await pause(pauseMs)
    progress = await next()
  }
}

const pauseMs = 500
const mostEvents = 600

/**
 * Shows the progress, and reloads the page when the work is over. Without JavaScript, the page should refresh itself. Screen readers tell the bar
 * when they are asked; a live region would be read out twice a second.
 */
export const progressBar = (
  { done, total, first }: Progress,
  { label, stream }: { readonly label: string; readonly stream: string },
): Html =>
  html`<div data-progress="${stream}">
<p>${label}: <span data-progress-text>${first ?? `${done} of ${total}`}</span>. You can leave this page and come back.</p>
<progress class="w-100" ${first === undefined && html`value="${done}" `}max="${total}" aria-label="${label}"></progress>
</div>
<script type="module" src="/static/progress.js"></script>`
