import { FhirError } from '../../fhir/error.ts'
import type { Connection } from '../../storage/database.ts'
import { type AsyncState, answersOf } from '../../storage/work/async-request.ts'
import { bundleChunks, bundleEntry } from '../bundle/bundle-text.ts'
import { statusLine } from '../bundle/entry.ts'
import type { Context, FhirResponse } from '../interaction.ts'
import { entriesNow } from './async-match.ts'

/**
 * What came of a request that was carried out later: a batch-response whose one entry is its answer. The matches of a search pass the gate once
 * more. https://hl7.org/fhir/async-bundle.html
 */
export const asyncAnswer = async (
  connection: Connection,
  id: string,
  state: AsyncState,
  context: Pick<Context, 'store' | 'registry' | 'base'>,
): Promise<FhirResponse> => {
  const { status, outcome } = state
  if (status === null) throw new FhirError('transient', 'This is not done yet')
  const resource = outcome === null ? await bundleTextOf(connection, id, state, context) : undefined
  const response = { status: statusLine(status), ...(outcome === null ? {} : { outcome }) }
  const chunks = bundleChunks({ type: 'batch-response', link: [] }, [bundleEntry(undefined, resource, { response })])
  return { status: 200, body: { kind: 'chunks', chunks } }
}

const bundleTextOf = async (
  connection: Connection,
  id: string,
  { name, target, head }: AsyncState,
  context: Pick<Context, 'store' | 'registry' | 'base'>,
): Promise<string> => {
  const parts = await answersOf(connection, id)
  const entries = name === 'search-type' ? await entriesNow(parts.join(''), target, context) : parts
  const start = JSON.stringify({ resourceType: 'Bundle', ...head })
  return entries.length === 0 ? start : `${start.slice(0, -1)},"entry":[${entries.join()}]}`
}
