import type { FastifyRequest } from 'fastify'
import type { CodeClasses } from '../../fhir/measured/code-class.ts'
import type { Registry } from '../../fhir/registry.ts'
import { dayOf } from '../../fhir/timezone.ts'
import type { Store } from '../../storage/store.ts'
import type { PageOptions } from '../page/add-page.ts'
import { type OwnRecord, ownRecordIn } from '../page/own-record.ts'
import { timezoneAsked } from '../page/timezone-asked.ts'
import { dayAsked, dayProblem } from '../page/typed-day.ts'

export const ownReadingsPath = '/account/readings'

/** The readings of whoever is signed in, as an app of theirs would see and change them. */
export type OwnReadings = OwnRecord & {
  readonly store: Store
  readonly registry: Registry
  readonly codeClasses: CodeClasses
}

/** Undefined for whoever has no record. */
export const ownReadingsOf = async (
  request: FastifyRequest,
  options: PageOptions,
): Promise<OwnReadings | undefined> => {
  const own = await ownRecordIn(request, options, scope)
  if (own === undefined) return undefined
  const { registry, codeClasses, openStoreFor } = options
  return { ...own, registry, codeClasses, store: openStoreFor(own.caller) }
}

const scope = 'user/Observation.rus user/Device.rs'

/** Which readings the address asks for. */
export type ReadingsAsked = {
  /** Empty if it asks for none. */
  readonly day: string
  readonly timezone: string
  /** A code as in a search for one; empty for every kind. */
  readonly kind: string
  readonly page: string
  /** What was typed, and of a day what is wrong with it. */
  readonly problems: {
    readonly day?: { readonly typed: string; readonly why: 'day' | 'range' }
    readonly timezone?: string
  }
}

export const readingsAskedIn = (query: URLSearchParams): ReadingsAsked => {
  const day = dayAsked(query.get('day') ?? '')
  const problem = day === '' ? undefined : dayProblem(day)
  const { timezone, wrongTimezone } = timezoneAsked(query)
  return {
    day,
    timezone,
    kind: query.get('kind') ?? '',
    page: query.get('page') ?? '',
    problems: {
      ...(problem !== undefined && { day: { typed: day, why: problem } }),
      ...(wrongTimezone !== undefined && { timezone: wrongTimezone }),
    },
  }
}

/** The day itself, or the one of a moment if none, or none that exists, is asked for. */
export const dayShown = ({ day, timezone, problems }: ReadingsAsked, moment: number): string =>
  day === '' || problems.day !== undefined ? dayOf(moment, timezone) : day

/** An address below the list, or of it, that keeps what the list asks for. */
export const addressOfReadings = (
  own: Pick<OwnRecord, 'patient'> | undefined,
  { day, timezone, kind, page }: Pick<ReadingsAsked, 'day' | 'timezone' | 'kind' | 'page'>,
  { path = '', ...more }: { readonly path?: string; readonly done?: string } = {},
): string => {
  const all = { record: own?.patient ?? '', day, timezone, kind, page, ...more }
  return `${ownReadingsPath}${path}?${new URLSearchParams(Object.entries(all).filter(([, value]) => value !== ''))}`
}
