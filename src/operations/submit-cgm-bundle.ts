import { FhirError, orRefusal } from '../fhir/error.ts'
import { isObject, jsonText } from '../fhir/json.ts'
import { cgmOperation } from '../fhir/measured/cgm.ts'
import { parseReference } from '../fhir/reference.ts'
import { bundleChunks } from '../interactions/bundle/bundle-text.ts'
import { entriesOf, entryText } from '../interactions/bundle/entry.ts'
import { referencedEntries, resolveReferences } from '../interactions/bundle/local-reference.ts'
import type { Context, SystemRequest } from '../interactions/interaction.ts'
import type { Operation } from './operation.ts'
import { onlyResource, primitivesAmong } from './parameters.ts'

/** https://hl7.org/fhir/uv/cgm/STU1/OperationDefinition-submit-cgm-bundle.html */
export const submitCgmBundle: Operation = {
  name: 'submit-cgm-bundle',
  definition: cgmOperation,
  at: { system: 'c' },
  types: 'all',
  methods: ['POST'],
  takes: () => ({ primitives: {}, complex: ['resource'] }),
  takesBundle: bundleIn,
  documentation:
    'Accepts a transaction Bundle of Observations, DiagnosticReports and Devices of a glucose sensor. Each entry is written on its own, like any other create; an entry that refers to one that is refused is refused with it. If-None-Exist accepts all search parameters; identifiers are kept as they are sent; documents that are sent again are not stored twice.',
  handler: async (request, context) => {
    const bundle = bundleIn(request.body)
    const named = bundle === request.body ? undefined : request.body
    primitivesAmong({ ...request, body: named }, 'submit-cgm-bundle', submitCgmBundle.takes())
    const sent = entriesOf(bundle)
    requireTransaction(bundle)
    const answers: string[] = []
    const going: Going = { answers, targets: new Map(), refused: new Set(), request, context }
    let waiting = waitingOf(sent, going)
    for (let round = 0; round < mostRounds && waiting.length > 0; round += 1) waiting = await takeReady(waiting, going)
    for (const entry of waiting) refuse(entry, tooFar, going)
    return {
      status: 200,
      body: { kind: 'chunks', chunks: bundleChunks({ type: 'transaction-response', link: [] }, answers) },
    }
  },
}

/** "It can also be executed by a POST with that resource as the body": https://hl7.org/fhir/R4/operations.html#request */
function bundleIn(body: unknown): unknown {
  return isObject(body) && body.resourceType === 'Parameters' ? onlyResource(body, 'resource') : body
}

/** A report refers to Observations, and these to a Device, so entries are created in rounds; each asks about all that still wait. */
const mostRounds = 20
const tooFar = new FhirError(
  'too-costly',
  `Entries that refer to each other in a chain of over ${mostRounds} are not taken here`,
  {
    status: 422,
    expression: 'resource',
  },
)

const requireTransaction = (body: unknown): void => {
  const { type } = body as { readonly type?: unknown }
  if (type === 'transaction') return
  throw new FhirError('invalid', `$submit-cgm-bundle takes a Bundle whose type is transaction, not ${jsonText(type)}`, {
    expression: 'Bundle.type',
  })
}

type Entry = {
  readonly index: number
  readonly fullUrl: string | undefined
  readonly resource: unknown
  readonly request: object
  /** The fullUrls of the entries that it refers to. */
  readonly needs: readonly string[]
}

type Going = {
  readonly answers: string[]
  /** What each fullUrl has become. */
  readonly targets: Map<string, string>
  readonly refused: Set<string>
  readonly request: SystemRequest
  readonly context: Context
}

type Sent = {
  readonly fullUrl?: unknown
  readonly resource?: unknown
  readonly request?: { readonly [name: string]: unknown } | null
}

/** The entries that can be taken; all others are answered. */
const waitingOf = (sent: readonly unknown[], going: Going): readonly Entry[] => {
  const all = sent.map((one): Sent => (typeof one === 'object' && one !== null ? one : {}))
  const fullUrls = all.flatMap(({ fullUrl }) => (typeof fullUrl === 'string' ? fullUrl : []))
  const names = new Set(fullUrls)
  const shared = new Set([...Map.groupBy(fullUrls, one => one)].flatMap(([one, same]) => (same.length > 1 ? one : [])))
  const entries = all.map(({ fullUrl, resource, request }, index): Entry => {
    const name = typeof fullUrl === 'string' ? fullUrl : undefined
    const needs = [...referencedEntries(resource, name, names)]
    return { index, fullUrl: name, resource, request: request ?? {}, needs }
  })
  for (const one of names) {
    const patient = patientAt(one, going)
    if (patient !== undefined) going.targets.set(one, patient)
  }
  return entries.filter(entry => {
    const refusal = isTaken(entry) ? ambiguous(entry, shared) : notTaken
    if (refusal !== undefined) refuse(entry, refusal, going)
    return refusal === undefined
  })
}

/** A submission may have the Patient whom it is about. Such an entry changes nothing, but with an address of this server it need not. */
const patientAt = (fullUrl: string, { context }: Going): string | undefined => {
  const parsed = parseReference(fullUrl, context.base)
  return parsed !== undefined && 'type' in parsed && parsed.type === 'Patient' ? `Patient/${parsed.id}` : undefined
}

const isTaken = ({ request }: Entry): boolean => {
  const { method, url } = request as { readonly method?: unknown; readonly url?: unknown }
  return method === 'POST' && typesTaken.some(type => type === url)
}

/** Which of several entries it refers to, nobody can say. */
const ambiguous = ({ needs }: Entry, shared: ReadonlySet<string>): FhirError | undefined => {
  const other = needs.find(one => shared.has(one))
  return other === undefined
    ? undefined
    : new FhirError('business-rule', `It refers to ${other}, which is the fullUrl of several entries`, {
        expression: 'resource',
      })
}

const typesTaken = ['Observation', 'DiagnosticReport', 'Device'] as const
const notTaken = new FhirError(
  'not-supported',
  `Here an entry creates one of ${typesTaken.join(', ')} by POST; a transaction takes all others`,
  { status: 422, expression: 'request' },
)

const refuse = (
  { index, fullUrl }: Entry,
  { status, issues }: FhirError,
  { answers, refused, targets }: Going,
): void => {
  answers[index] = entryText({ status, issues })
  if (fullUrl !== undefined && !targets.has(fullUrl)) refused.add(fullUrl)
}

/** Creates, as one batch, the entries that refer to nothing that is still to be created, and answers what is left. */
const takeReady = async (waiting: readonly Entry[], going: Going): Promise<readonly Entry[]> => {
  const { targets, refused } = going
  const { lost = [], rest = [] } = Object.groupBy(waiting, ({ needs }) =>
    needs.some(one => refused.has(one)) ? 'lost' : 'rest',
  )
  for (const entry of lost) refuse(entry, withAnother(entry, refused), going)
  const { ready = [], later = [] } = Object.groupBy(rest, ({ needs }) =>
    needs.every(one => targets.has(one)) ? 'ready' : 'later',
  )
  if (ready.length > 0) await create(ready, going)
  else if (lost.length === 0) for (const entry of later) refuse(entry, inCircle, going)
  return ready.length > 0 || lost.length > 0 ? later : []
}

const withAnother = ({ needs }: Entry, refused: ReadonlySet<string>): FhirError => {
  const other = needs.find(one => refused.has(one))
  return new FhirError('business-rule', `It refers to ${other}, which was refused`, { expression: 'resource' })
}

const inCircle = new FhirError(
  'business-rule',
  'Entries that refer to themselves, or to each other in a circle, are not taken here; a transaction takes them',
  { expression: 'resource' },
)

const create = async (entries: readonly Entry[], going: Going): Promise<void> => {
  const { context, request, targets } = going
  const resolved = entries.flatMap(entry => {
    const resource = orRefusal(() => resolveReferences(entry.resource, entry.fullUrl, targets))
    if (!(resource instanceof FhirError)) return [{ entry, resource }]
    refuse(entry, resource, going)
    return []
  })
  const interaction = context.interactions.find(({ name }) => name === 'batch')
  if (interaction === undefined || resolved.length === 0) return
  const entry = resolved.map(({ entry: { request }, resource }) => ({ resource, request }))
  const body = { resourceType: 'Bundle', type: 'batch', entry }
  const answered = await context.dispatch({ interaction, request: { ...request, body } }, context)
  if (answered.body?.kind !== 'chunks') throw new Error('a batch answers a Bundle')
  for (const [position, text] of [...answered.body.chunks.entries].entries()) {
    const done = resolved[position]?.entry
    if (done !== undefined) note(done, text, going)
  }
}

const note = ({ index, fullUrl }: Entry, text: string, { answers, targets, refused }: Going): void => {
  answers[index] = text
  if (fullUrl === undefined) return
  const { response }: { readonly response: { readonly location?: string } } = JSON.parse(text)
  const target = /\b([A-Z]\w+\/[A-Za-z0-9.-]{1,64})\/_history\//.exec(response.location ?? '')?.[1]
  if (target === undefined) refused.add(fullUrl)
  else targets.set(fullUrl, target)
}
