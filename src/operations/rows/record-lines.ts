import type { ResourceType } from '@medplum/fhirtypes'
import { isInCompartments } from '../../access/patient-compartment.ts'
import { inSteps } from '../../fhir/give-way.ts'
import { parseJson } from '../../fhir/json.ts'
import type { Registry } from '../../fhir/registry.ts'
import { withoutMark } from '../../mhealth/document-text.ts'
import type { Mhealth } from '../../mhealth/mhealth.ts'
import { type Expression, or } from '../../search/expression.ts'
import { parseSearch } from '../../search/parse.ts'
import { roomOfPage } from '../../search/room.ts'
import type { Page, Store } from '../../storage/store.ts'
import { binaryIds } from '../named-binaries.ts'
import { csv, csvInTurns } from './csv.ts'
import { openNamedDevices } from './named-devices.ts'
import { type Reading, readingRows, readingsHeader } from './reading-rows.ts'
import type { NameKind } from './value-cells.ts'

/** The compartment of a patient, as far as the reader of the store may see it. */
export type PatientRecord = {
  readonly registry: Registry
  readonly store: Pick<Store, 'search'>
  readonly patient: string
  readonly measuredDocumentOf: Mhealth['measuredDocumentOf']
  readonly nameKind: NameKind
}

/** The parts of a file. However long it is, only one page is held in memory, and the next one is read once that has been taken. */
export type RecordLines = (records: readonly PatientRecord[]) => AsyncGenerator<string | Buffer>

/** All resources, one a line, in FHIR's order of types, and then the Binaries that they name, such as the scan of what was signed. http://ndjson.org */
export const resourceLines: RecordLines = async function* (records) {
  for (const record of records) {
    const binaries = new Set<string>()
    for (const type of record.registry.resourceTypes)
      for await (const { entries } of pagesOf(record, type)) {
        const lines = linesOf(entries)
        for (const id of binaryIds(lines)) binaries.add(id)
        yield lines
      }
    for await (const { entries } of pagesOfBinaries(record, [...binaries])) yield linesOf(entries)
  }
}

const linesOf = (entries: Page['entries']): string => entries.map(({ content }) => `${content}\n`).join('')

/** The Open mHealth documents of all measurements in one list, each byte for byte as it was sent, but without a byte order mark. */
export const documentLines: RecordLines = records => together(documentPieces(records))

const documentPieces = async function* (records: readonly PatientRecord[]): AsyncGenerator<string | Buffer> {
  let before = '[\n'
  for (const record of records)
    for await (const { entries } of pagesOf(record, 'Observation')) {
      for (const { content } of entries) {
        const document = await inSteps(record.measuredDocumentOf(JSON.parse(content)))
        if (document === undefined) continue
        yield before
        yield withoutMark(document.bytes)
        before = ',\n'
      }
    }
  yield before === '[\n' ? '[]\n' : '\n]\n'
}

/** Sends small pieces together: sending each alone takes longer than making it. */
const together = async function* (pieces: AsyncIterable<string | Buffer>): AsyncGenerator<Buffer> {
  let [some, bytes]: [Buffer[], number] = [[], 0]
  for await (const piece of pieces) {
    const buffer = typeof piece === 'string' ? Buffer.from(piece) : piece
    some.push(buffer)
    bytes += buffer.length
    if (bytes < bytesAtOnce) continue
    yield Buffer.concat(some)
    some = []
    bytes = 0
  }
  yield Buffer.concat(some)
}

const bytesAtOnce = 65_536

/** The measurements, one value a row. https://www.rfc-editor.org/rfc/rfc4180 */
export const readingLines: RecordLines = async function* (records) {
  yield readingsHeader
  for (const record of records) {
    const { learn, nameDevice } = openNamedDevices(record)
    for await (const { entries } of pagesOf(record, 'Observation')) {
      const readings = entries.map(({ content }) => parseJson(content) as Reading)
      await learn(readings)
      yield* csvInTurns(readingRows(readings, { nameKind: record.nameKind, nameDevice }), csv)
    }
  }
}

const pagesOf = async function* (record: PatientRecord, type: ResourceType): AsyncGenerator<Page> {
  const where = belonging(record.registry, type, record.patient)
  if (where !== undefined) yield* pagesWhere(record, type, where)
}

/** As far as the patient may read them. */
const pagesOfBinaries = async function* (record: PatientRecord, ids: readonly string[]): AsyncGenerator<Page> {
  for (let from = 0; from < ids.length; from += idsAtOnce)
    yield* pagesWhere(record, 'Binary', { kind: 'identified', ids: ids.slice(from, from + idsAtOnce) })
}

const idsAtOnce = 500

const pagesWhere = async function* (
  { registry, store }: PatientRecord,
  type: ResourceType,
  where: Expression,
): AsyncGenerator<Page> {
  const search = { ...parseSearch(registry, type, new URLSearchParams({ _count: '1000' })), where, room: roomOfPage }
  let cursor: string | undefined
  do {
    const page = await store.search({ ...search, cursor })
    if (page.entries.length > 0) yield page
    cursor = page.next
  } while (cursor !== undefined)
}

/** What is in the compartment, and the records about its uploads and consents. */
const belonging = (registry: Registry, type: ResourceType, patient: string): Expression | undefined => {
  const own: Expression = { kind: 'compartment', of: 'Patient', id: patient }
  if (isInCompartments(type)) return own
  const parameter = type === 'Provenance' ? registry.searchParameter(type, 'target') : undefined
  return parameter && or(own, { kind: 'chain', parameter, target: 'Consent', of: own })
}
