import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { isSameCaller } from '../../access/caller.ts'
import { parseScopes } from '../../access/scope.ts'
import { parseJson } from '../../fhir/json.ts'
import { readInTurn } from '../../http/caller/caller-turns.ts'
import { letInWhile, whileLetIn } from '../../http/caller/while-let-in.ts'
import { linesOf, searchPages } from '../../interactions/search/search-lines.ts'
import { wordsFor } from '../../messages/catalogue.ts'
import { type Cell, csvInTurns, unixCsv } from '../../operations/rows/csv.ts'
import { readingColumns, rowsOf, type StudyReading } from '../../operations/rows/study-reading-rows.ts'
import type { NameKind } from '../../operations/rows/value-cells.ts'
import { parseSearch } from '../../search/parse.ts'
import { callerOfSession } from '../../storage/account/session.ts'
import { codesOf, openStudyPlaces, placeOf } from '../../studies/people/study-places.ts'
import type { PageOptions } from '../page/add-page.ts'
import { kindNames } from '../page/kind-names.ts'
import { sessionOf } from '../page/signed-in.ts'
import type { OfStudy } from '../study-settings/study-changing.ts'
import type { Chosen } from './notebook-chosen.ts'
import type { ReadStudy } from './read-study.ts'

type Asked = { readonly read: ReadStudy; readonly chosen: Chosen; readonly format: FileFormat }

type FileFormat = 'ndjson' | 'csv'

/** Sends what was chosen as a file that is written while it is sent, and ends once whoever asked for it is no longer let in. */
export const sendNotebookFile = async (
  request: FastifyRequest<OfStudy>,
  reply: FastifyReply,
  options: PageOptions,
  { read, chosen, format }: Asked,
): Promise<FastifyReply> => {
  letInWhile(request, async () =>
    isSameCaller(read.caller, await callerOfSession(options.accounts.database, sessionOf(request))),
  )
  const pages = await pagesOf(request, options, read, chosen)
  const { type, piecesOf } = formats[format]
  const pieces = piecesOf(pages, namingIn(request, options, read))
  return reply
    .type(type)
    .header('cache-control', 'no-store')
    .header('content-disposition', `attachment; filename="readings.${format}"`)
    .send(Readable.from(whileLetIn(request, pieces), { objectMode: false }))
}

/** Contents of Observations, read with the rights of the token that a snippet would have. */
type Pages = AsyncIterable<readonly string[]>

const pagesOf = (
  request: FastifyRequest<OfStudy>,
  { registry, openStoreFor }: PageOptions,
  { caller }: ReadStudy,
  { query, scopes }: Chosen,
): Promise<Pages> => {
  const narrowed = { ...caller, study: request.params.id, scopes: parseScopes(scopes.join(' ')) }
  return searchPages(parseSearch(registry, 'Observation', query), {
    store: readInTurn(openStoreFor(narrowed), request),
  })
}

type Naming = {
  readonly nameKind: NameKind
  readonly findPlaces: ReturnType<typeof openStudyPlaces>
}

const namingIn = (
  request: FastifyRequest<OfStudy>,
  { codeClasses, registry, openStoreFor }: PageOptions,
  { caller }: ReadStudy,
): Naming => {
  const store = readInTurn(openStoreFor(caller), request)
  return {
    nameKind: kindNames(codeClasses, wordsFor('en')),
    findPlaces: openStudyPlaces({ store, registry, study: request.params.id }),
  }
}

const csvOf = async function* (pages: Pages, { nameKind, findPlaces }: Naming): AsyncGenerator<string> {
  yield unixCsv([readingColumns])
  for await (const contents of pages) {
    const readings = contents.map(content => parseJson(content) as StudyReading)
    const places = await findPlaces(readings.flatMap(({ subject }) => subject?.reference ?? []))
    const personOf = (reference: string) => {
      const own = places.get(reference) ?? []
      return { patient: placeOf(own)?.patient, codes: codesOf(own) }
    }
    yield* csvInTurns(cellsOf(readings, { nameKind, personOf }), unixCsv)
  }
}

const cellsOf = function* (
  readings: readonly StudyReading[],
  named: Parameters<typeof rowsOf>[1],
): Iterable<readonly Cell[]> {
  for (const reading of readings)
    for (const row of rowsOf(reading, named)) yield readingColumns.map(column => row[column])
}

type Format = {
  readonly type: string
  readonly piecesOf: (pages: Pages, naming: Naming) => AsyncIterable<string>
}

const formats: Readonly<Record<FileFormat, Format>> = {
  ndjson: { type: 'application/fhir+ndjson; charset=utf-8', piecesOf: linesOf },
  csv: { type: 'text/csv; charset=utf-8', piecesOf: csvOf },
}
