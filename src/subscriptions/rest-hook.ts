import { FhirError } from '../fhir/error.ts'
import type { Asked, RestHook } from '../interactions/subscription.ts'
import type { Outbound } from '../messages/outbound.ts'
import type { Event } from '../storage/subscription-event.ts'

type Hook = Pick<Asked, 'mimeType' | 'content'> & { readonly channel: RestHook }

/**
 * https://hl7.org/fhir/R4/subscription.html#2.46.7.1: a POST without a body says that there is something new; where there is a
 * payload, the endpoint is a FHIR server's base, and each resource is an update there.
 */
export const tellHook = async (outbound: Outbound, hook: Hook, events: readonly Event[]): Promise<void> => {
  const told = events.flatMap(({ focus }) => focus ?? [])
  if (told.length === 0) return
  if (hook.content === 'empty') return send(outbound, hook, { method: 'POST', url: hook.channel.endpoint })
  const base = hook.channel.endpoint.replace(/\/$/, '')
  for (const { type, id, content } of told)
    await send(outbound, hook, { method: 'PUT', url: `${base}/${type}/${id}`, body: content })
}

type Request = { readonly method: 'POST' | 'PUT'; readonly url: string; readonly body?: string }

const send = async (outbound: Outbound, { channel, mimeType }: Hook, request: Request): Promise<void> => {
  const headers = { ...channel.headers, ...(request.body === undefined ? {} : { 'content-type': mimeType }) }
  const { status } = await outbound.send({ ...request, headers }).catch(error => {
    throw failure(reasonOf(error), error)
  })
  if (status < 200 || status > 299) throw failure(`The endpoint answered ${status}`)
}

const failure = (reason: string, cause?: unknown): FhirError => new FhirError('transient', reason, { cause })

/** In words that show nothing of this server's surroundings. */
const reasonOf = (error: unknown): string => {
  const { code, name } = error instanceof Error ? { code: undefined, ...error, name: error.name } : {}
  return name === 'TimeoutError' || timeouts.has(String(code))
    ? 'The endpoint did not answer in time'
    : 'The endpoint could not be reached'
}

const timeouts: ReadonlySet<string> = new Set([
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
])
