import type { ResourceType } from '@medplum/fhirtypes'
import type { Include, IncludeLink } from '../../search/include.ts'
import type { Connection } from '../database.ts'
import { sql } from '../sql.ts'
import type { Stored } from '../store.ts'
import { forwardRows } from './include-forward.ts'
import { reverseRows } from './include-reverse.ts'
import { contentOf, type Frontier, type Including, type Placed } from './include-row.ts'
import { type Filled, fillRoom, versionStillThere } from './room.ts'

type Included = {
  readonly included: readonly Stored[]
  /** Whether more would have come along than one page takes, or has room for. */
  readonly leftOut: boolean
}

/** How many resources may come along with one page. */
export const mostIncluded = 1000
/** How many times `:iterate` follows on from what came along before. */
const mostRounds = 10

/**
 * What the includes of a search bring along with its matches: each resource once, and none that is a match. Everything passes the gate of its
 * own type before it is counted, so that what the caller may not search has no effect at all.
 */
export const includedWith = async (
  connection: Connection,
  including: Omit<Including, 'limit'>,
  includes: readonly Include[],
  matches: readonly Placed[],
): Promise<Included> => {
  const known = new Map(matches.map(one => [`${one.type}/${one.id}`, one]))
  const included: Placed[] = []
  let { letters } = including
  let from = matches
  for (let round = 0; from.length > 0; round += 1) {
    const followed = round === 0 ? includes : includes.filter(({ iterate }) => iterate)
    if (followed.length === 0) break
    if (round === mostRounds) return { included, leftOut: true }
    const limit = mostIncluded - included.length
    const found = await linkedTo(connection, { ...including, letters, limit: limit + 1 }, followed, { from, known })
    const { filled, passed, left } = await fillRoom(connection, found.slice(0, limit), {
      letters,
      takesFirst: false,
      typeOf: ({ type }) => type,
      contentOf: type => (including.maskOf(type) === undefined ? contentOf(type, including) : undefined),
      versionOf: versionStillThere,
    })
    letters = left
    from = filled.map(toPlaced)
    for (const one of from) known.set(`${one.type}/${one.id}`, one)
    included.push(...from)
    if (found.length > passed) return { included, leftOut: true }
  }
  return { included, leftOut: false }
}

const linkedTo = async (
  connection: Connection,
  including: Including,
  includes: readonly Include[],
  frontier: Frontier,
): Promise<readonly Row[]> => {
  const linksOf = (kind: Include['kind']): readonly IncludeLink[] =>
    merged(includes.filter(one => one.kind === kind).flatMap(({ links }) => links))
  const rows = [
    ...(await forwardRows(connection, including, linksOf('include'), frontier)),
    ...(await reverseRows(connection, including, linksOf('revinclude'), frontier)),
  ]
  const found = new Map<string, Row>()
  for (let at = 0; at < rows.length; at += typesAtOnce) {
    const asked = rows.slice(at, at + typesAtOnce)
    const share = Math.floor(Math.min(including.letters, Number.MAX_SAFE_INTEGER) / asked.length)
    for (const row of await connection.kept<Row>(sql.fragment`
      WITH room AS (SELECT ${share}::bigint AS letters) ${sql.join(asked, sql.fragment` UNION ALL `)}`)) {
      found.set(`${row.type}/${row.id}`, row)
    }
  }
  return [...found.values()]
}

/** Each parameter once, however many includes ask for it. */
const merged = (links: readonly IncludeLink[]): readonly IncludeLink[] =>
  [...Map.groupBy(links, ({ source, parameter }) => `${source}:${parameter.code}`).values()].flatMap(same =>
    same.slice(0, 1).map(link => ({ ...link, targets: [...new Set(same.flatMap(({ targets }) => targets))] })),
  )

/** A wildcard may ask about a hundred types, and one statement for all of them would take long to plan. */
const typesAtOnce = 20

type Row = {
  type: ResourceType
  patient_id: number
  pk: string
  id: string
  version: number
  last_updated: Date
  content: string | null
}

const toPlaced = ({ type, patient_id, pk, id, version, last_updated, content }: Filled<Row>): Placed => ({
  type,
  id,
  patientId: patient_id,
  pk,
  versionId: String(version),
  lastUpdated: last_updated,
  content,
})
