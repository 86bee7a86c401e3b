import type { Encryption } from '../../auth/tink/encryption.ts'
import { inSteps } from '../../fhir/give-way.ts'
import type { Handler, Routed, TypeRequest } from '../../interactions/interaction.ts'
import type { OmhDocument } from '../../mhealth/document.ts'
import { withoutMark } from '../../mhealth/document-text.ts'
import { parseSearch } from '../../search/parse.ts'
import { roomOfPage } from '../../search/room.ts'
import type { Page } from '../../storage/store.ts'

/** A search of Observations that answers records with their documents. */
export const readingOf = (user: string, encrypt: Encryption): Routed => ({
  interaction: {
    name: 'search-type',
    method: 'GET',
    path: ':type',
    action: 's',
    body: 'none',
    handler: listRecords(user, encrypt),
    documentation: 'All documents that a patient shares.',
  },
  request: { type: 'Observation', query: new URLSearchParams(), headers: { prefer: { handling: 'strict' } } },
})

/**
 * Everything that the caller may read, the newest first, as one JSON list, since the contract has no pages. It is sent while it is read. If that
 * breaks off, the closing bracket is missing, so that no client takes it for all.
 */
const listRecords =
  (user: string, encrypt: Encryption): Handler<TypeRequest> =>
  async (_request, { registry, base, store, mhealth }) => {
    const parsed = parseSearch(registry, 'Observation', new URLSearchParams({ _count: pageSize }), { base })
    const search = { ...parsed, room: roomOfPage }
    const first = await store.search(search)
    const following = async ({ next }: Page) =>
      next === undefined ? undefined : store.search({ ...search, cursor: next })
    const records = async function* () {
      for (let page: Page | undefined = first; page !== undefined; page = await following(page))
        for (const { id, content } of page.entries) {
          const document = await inSteps(mhealth.measuredDocumentOf(JSON.parse(content)))
          if (document !== undefined) yield toRecord(document, id, user, encrypt)
        }
    }
    return { status: 200, body: { kind: 'lines', lines: asList(records()) } }
  }

const asList = async function* (records: AsyncIterable<object>) {
  let before = '['
  for await (const record of records) {
    yield `${before}${JSON.stringify(record)}`
    before = ',\n'
  }
  yield before === '[' ? '[]' : ']'
}

/** Encrypting that many takes no longer than other requests can wait. */
const pageSize = '200'

/** Everything that is shared by one link is one group. */
const toRecord = (document: OmhDocument, id: string, group: string, encrypt: Encryption) => {
  const { content, key } = encrypt(withoutMark(document.bytes), { content: id, key: `${id}${group}` })
  return {
    client_record_id: id,
    client_datagroup_id: group,
    data_type: document.id.name.toUpperCase().replaceAll('-', '_'),
    encrypted_content: content.toString('base64'),
    encrypted_dek: key.toString('base64'),
  }
}
