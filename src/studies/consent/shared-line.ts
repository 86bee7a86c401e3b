import type { Consent, Device } from '@medplum/fhirtypes'
import type { Permit } from '../../access/consent-permit.ts'
import { kindOfClass } from '../../access/shared-type.ts'
import { beginning } from '../../fhir/beginning.ts'
import { type Interval, intervalOf } from '../../fhir/date.ts'
import { deviceNameOrId } from '../../fhir/display-name.ts'
import type { CodeClasses } from '../../fhir/measured/code-class.ts'
import type { Words } from '../../messages/catalogue.ts'
import { findAt } from './as-it-was.ts'
import { nameOf, type OwnRecord } from './own-record.ts'

/** A kind of data from one source, or from any, in the words in which people are told that they share it. */
export type SharedLine = {
  readonly kind: string
  /** Id of the source Device; undefined: any. */
  readonly source: string | undefined
  readonly what: string
  /** Several if some time between is left out. */
  readonly times: readonly SharedTime[]
}

/** Moments, or days, the last of which is included; undefined if there is no bound. */
export type SharedTime = {
  readonly from: string | undefined
  readonly until: string | undefined
  /** When it may be read: set if that begins later, or ends. */
  readonly readFrom: string | undefined
  readonly readUntil: string | undefined
}

type Opens = Pick<Permit, 'kind' | 'data' | 'valid'> & { readonly source: string | undefined }

type Telling = {
  readonly record: OwnRecord
  /** Bounds, and kinds that are not known here, are told in its words. */
  readonly consent: Consent
  readonly words: Words
  readonly codeClasses: Pick<CodeClasses, 'kinds' | 'kindOf'>
  /** The names that devices have now, by their ids, so that they are not read for each line. */
  readonly names?: ReadonlyMap<string, string>
  /** The moment whose names devices have; now, if not given, or if there was no such device yet. */
  readonly at?: string
}

export const sharedLines = (opens: readonly Opens[], telling: Telling): Promise<readonly SharedLine[]> =>
  Promise.all(
    [...Map.groupBy(opens, ({ kind, source }) => `${kind} ${source ?? ''}`).values()].flatMap(([first, ...rest]) =>
      first === undefined ? [] : toLine(first, [first, ...rest], telling),
    ),
  )

const toLine = async ({ kind: key, source }: Opens, opens: readonly Opens[], telling: Telling): Promise<SharedLine> => {
  const { words } = telling
  const kind = kindName(key, telling)
  const device = source === undefined ? undefined : ((await nameOfSource(source, telling)) ?? source)
  return {
    kind: key,
    source,
    what:
      device === undefined ? words.say('choose.any-device', { kind }) : words.say('choose.device', { kind, device }),
    times: opens.map(one => toTime(one, telling.consent)),
  }
}

const nameOfSource = async (id: string, { record, names, at = '' }: Telling): Promise<string | undefined> => {
  if (names !== undefined) return names.get(id)
  const then = await findAt<Device>(record, 'Device', id, at)
  return then === undefined ? nameOf(record, `Device/${id}`) : deviceNameOrId(then)
}

/** A kind that is not known here is called what the Consent calls it. */
const kindName = (key: string, { consent, words, codeClasses }: Telling): string => {
  const known = codeClasses.kinds().find(one => one.key === key)?.display
  const said = (consent.provision?.provision ?? []).flatMap(({ code = [], class: classes = [] }) => [
    ...code.flatMap(({ coding = [], text }) =>
      coding.map(one => ({ key: codeClasses.kindOf(one.system, one.code ?? ''), display: text ?? one.display })),
    ),
    ...classes.map(one => ({ key: kindOfClass(one), display: one.display })),
  ])
  const display =
    said.find(one => one.key === key && one.display !== undefined)?.display ?? key.slice(key.lastIndexOf('|') + 1)
  return words.kind(key, known ?? beginning(display, mostCharacters))
}

/** Whoever reads a list of what others share is not shown whole texts by which an app calls something. */
const mostCharacters = 200

const toTime = ({ data, valid }: Opens, { provision, dateTime }: Consent): SharedTime => {
  const own = provision?.provision ?? []
  const periods = [...own, ...(provision === undefined ? [] : [provision])]
  const starts = [...periods.map(({ dataPeriod }) => dataPeriod?.start), dateTime]
  return {
    from: startText(data, starts),
    until: endText(
      data,
      periods.map(({ dataPeriod }) => dataPeriod?.end),
    ),
    readFrom: startText(
      valid,
      periods.map(({ period }) => period?.start),
    ),
    readUntil: endText(
      valid,
      periods.map(({ period }) => period?.end),
    ),
  }
}

type Written = readonly (string | undefined)[]

/** The bound as the Consent writes it, if the one that is enforced is written there; of a date, the first day. */
const startText = ({ low }: Interval, written: Written): string | undefined => {
  if (low === '-infinity') return undefined
  const found = written.find(one => one !== undefined && isSame(intervalOf(one)?.low, low))
  return (found === undefined ? isMidnight(low) : !found.includes('T')) ? low.slice(0, 10) : (found ?? low)
}

/** The same; of a date, the last day. */
const endText = ({ high }: Interval, written: Written): string | undefined => {
  if (high === 'infinity') return undefined
  const found = written.find(one => one !== undefined && isSame(intervalOf(one)?.high, high))
  const isDay = found === undefined ? isMidnight(high) : !found.includes('T')
  return isDay ? new Date(Date.parse(high) - 1).toISOString().slice(0, 10) : (found ?? high)
}

const isSame = (one: string | undefined, other: string): boolean =>
  one !== undefined && Date.parse(one) === Date.parse(other)

const isMidnight = (moment: string): boolean => Date.parse(moment) % dayMs === 0

const dayMs = 86_400_000
